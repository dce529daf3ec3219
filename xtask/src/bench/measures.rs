//! What is measured, in which unit, and the bar for it.

use super::summary::Summary;
use crate::error::Result;
use crate::terminal::Terminal;

/// One line of the report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measure {
    /// Its name in JSON; the unit is part of it.
    pub(super) key: &'static str,
    /// Its name on the screen.
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// What our own median has to be.
    pub(super) bar: Option<Bar>,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    Count,
    Mebibytes,
    Milliseconds,
    Percent,
    PerSecond,
    Seconds,
}

/// Between good and bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bar) => value >= bar,
            Self::AtMost(bar) => value <= bar,
        }
    }
}

/// Makes a constant of each measure, and lists of them in the order of the report.
macro_rules! measures {
    ($($list:ident {
        $($constant:ident $key:literal $name:literal $unit:ident $bar:expr;)*
    })*) => {
        $($(pub(super) const $constant: Measure =
            Measure { key: $key, name: $name, unit: Unit::$unit, bar: $bar };)*
        pub(super) const $list: &[Measure] = &[$($constant),*];)*
    };
}
pub(super) use measures;

/// Whose figure it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Subject {
    GoProvider,
    LoadGenerator,
    Ours,
    PythonScript,
    ShellScript,
    ShortestClient,
}

impl Subject {
    /// In JSON.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::GoProvider => "peer",
            Self::LoadGenerator => "load_generator",
            Self::Ours => "ours",
            Self::PythonScript => "python",
            Self::ShellScript => "shell",
            Self::ShortestClient => "shortest_client",
        }
    }

    /// On the screen.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GoProvider => "Go peer",
            Self::LoadGenerator => "load generator",
            Self::Ours => "tokenferry",
            Self::PythonScript => "Python script",
            Self::ShellScript => "shell script",
            Self::ShortestClient => "shortest client",
        }
    }
}

/// Measures that are shown together, and whose figures there are: ours first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// Empty if there is only this one.
    pub(super) heading: &'static str,
    pub(super) subjects: &'static [Subject],
    pub(super) measures: &'static [Measure],
}

/// All figures of a run.
#[derive(Debug)]
pub(super) struct Results {
    /// What was measured with and against: a word for JSON, and the name and version.
    pub(super) context: Vec<(&'static str, String)>,
    pub(super) sections: &'static [Section],
    /// Rounds that count.
    pub(super) runs: u32,
    values: Vec<(Measure, Subject, f64)>,
}

impl Results {
    pub(super) fn new(context: Vec<(&'static str, String)>, sections: &'static [Section], runs: u32) -> Self {
        Self { context, sections, runs, values: Vec::new() }
    }

    /// Measures one warm-up round, which is dropped, and the rounds that count.
    pub(super) fn rounds(
        &mut self,
        terminal: &Terminal,
        mut round: impl FnMut(&mut Self) -> Result,
    ) -> Result {
        for number in 0..=self.runs {
            let name = match number {
                0 => "warm-up round, dropped".to_owned(),
                _ => format!("round {number} of {}", self.runs),
            };
            terminal.step(&name, || round(self))?;
            if number == 0 {
                self.values.clear();
            }
        }
        Ok(())
    }

    /// Takes in one figure of one round.
    pub(super) fn add(&mut self, measure: Measure, subject: Subject, value: f64) {
        self.values.push((measure, subject, value));
    }

    pub(super) fn summary(&self, measure: Measure, subject: Subject) -> Option<Summary> {
        let wanted = self.values.iter().filter(|(other, whose, _)| *other == measure && *whose == subject);
        Summary::of(&wanted.map(|(_, _, value)| *value).collect::<Vec<_>>())
    }

    /// How often what was measured most often in a section was measured.
    pub(super) fn most_values(&self, section: &Section) -> usize {
        let count = |measure: &Measure| {
            let ours =
                self.values.iter().filter(|(other, whose, _)| other == measure && *whose == Subject::Ours);
            ours.count()
        };
        section.measures.iter().map(count).max().unwrap_or_default()
    }

    /// Whether we are within the bar; nothing where there is none.
    pub(super) fn met(&self, measure: Measure) -> Option<bool> {
        Some(measure.bar?.is_met(self.summary(measure, Subject::Ours)?.median))
    }

    /// The names of the bars that we miss.
    pub(super) fn missed(&self) -> Vec<&'static str> {
        let measures = self.sections.iter().flat_map(|section| section.measures);
        measures.filter(|measure| self.met(**measure) == Some(false)).map(|measure| measure.name).collect()
    }
}

/// Counts and sizes are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^52")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    measures! {
        COSTS {
            CPU "cpu_ms" "CPU" Milliseconds Some(Bar::AtMost(3.0));
            RATE "rate" "rate" PerSecond Some(Bar::AtLeast(80.0));
            WALL "wall_ms" "wall" Milliseconds None;
        }
    }

    const SECTIONS: &[Section] =
        &[Section { heading: "", subjects: &[Subject::Ours, Subject::GoProvider], measures: COSTS }];

    #[test]
    fn a_bar_is_met_by_the_median_of_our_own_figures() {
        let mut results = Results::new(Vec::new(), SECTIONS, 3);
        for value in [2.0, 2.5, 30.0] {
            results.add(CPU, Subject::Ours, value);
            results.add(CPU, Subject::GoProvider, 10.0 * value);
            results.add(RATE, Subject::Ours, value);
        }
        assert_eq!(results.met(CPU), Some(true));
        assert_eq!(results.met(RATE), Some(false), "more would be better");
        assert_eq!(results.met(WALL), None);
        assert_eq!(results.missed(), ["rate"]);
        assert_eq!(results.most_values(&SECTIONS[0]), 3);
        let peer = Summary { median: 25.0, min: 20.0, max: 300.0 };
        assert_eq!(results.summary(CPU, Subject::GoProvider), Some(peer));
    }
}
