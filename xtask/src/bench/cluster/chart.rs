//! Bars as SVG: light and dark by what the reader prefers, with nothing but lines and text.

use std::fmt::Write;

/// Bars that can be compared with each other.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) title: &'static str,
    /// What each bar stands for, and its value.
    pub(super) bars: Vec<(&'static str, f64)>,
    /// The least that is wanted.
    pub(super) bar: f64,
}

/// The groups from above to below. Each has its own scale.
pub(super) fn svg(title: &str, groups: &[Group]) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    for group in groups {
        y = draw(&mut body, group, y);
    }
    let height = y - GAP + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n{body}</svg>\n",
        escape(title)
    )
}

/// Where the next group begins. Writing into a string does not fail.
fn draw(body: &mut String, group: &Group, top: u32) -> u32 {
    let longest = group.bars.iter().map(|(_, value)| *value).fold(group.bar, f64::max).max(f64::MIN_POSITIVE);
    let width = |value: f64| f64::from(SPACE) * value / longest;
    writeln!(body, "<text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{}</text>", top + 12, escape(group.title))
        .ok();
    let mut y = top + LINE;
    for (name, value) in &group.bars {
        let (middle, end) = (y + 14, f64::from(LEFT) + width(*value));
        writeln!(body, "<text class=\"name\" x=\"{}\" y=\"{middle}\">{}</text>", LEFT - 8, escape(name)).ok();
        writeln!(
            body,
            "<rect class=\"value\" x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>",
            width(*value)
        )
        .ok();
        writeln!(body, "<text x=\"{:.1}\" y=\"{middle}\">{}</text>", end + 6.0, thousands(*value)).ok();
        y += LINE;
    }
    let wanted = f64::from(LEFT) + width(group.bar);
    writeln!(
        body,
        "<line class=\"wanted\" x1=\"{wanted:.1}\" x2=\"{wanted:.1}\" y1=\"{}\" y2=\"{}\"/>",
        top + LINE - 3,
        y - LINE + BAR + 3
    )
    .ok();
    y + GAP
}

/// `12,345`.
pub(super) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const WIDTH: u32 = 640;
const MARGIN: u32 = 16;
const LEFT: u32 = 110;
/// For the longest bar; its value stands beside it.
const SPACE: u32 = 450;
const LINE: u32 = 26;
const BAR: u32 = 20;
const GAP: u32 = 14;
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.name { text-anchor: end }
.paper { fill: #ffffff }
.value { fill: #2f6fb3 }
.wanted { stroke: #b3562f; stroke-width: 2; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .paper { fill: #0d1117 }
  .value { fill: #5aa2e8 }
  .wanted { stroke: #e8925a }
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_space_and_the_others_are_in_proportion() {
        let bars = vec![("1 replica", 500.0), ("2 replicas", 1000.0)];
        let drawn = svg("A & B", &[Group { title: "runs < limit", bars, bar: 250.0 }]);
        assert!(drawn.contains("width=\"225.0\"") && drawn.contains("width=\"450.0\""), "{drawn}");
        assert!(drawn.contains("x1=\"222.5\""), "what is wanted is a line: {drawn}");
        assert!(drawn.contains("<title>A &amp; B</title>") && drawn.contains("runs &lt; limit"));
        assert!(drawn.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn what_is_wanted_is_in_sight_where_it_is_missed() {
        let drawn = svg("", &[Group { title: "", bars: vec![("", 500.0)], bar: 1000.0 }]);
        assert!(drawn.contains("width=\"225.0\"") && drawn.contains("x1=\"560.0\""), "{drawn}");
    }

    #[test]
    fn thousands_are_set_apart() {
        let shown = [0.4, 999.0, 1000.0, 12345.0, 1_234_567.0].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
