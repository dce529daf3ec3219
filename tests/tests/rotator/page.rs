//! The status page in a real browser.

use std::time::Duration;

use tokenferry_tests::browser::Browser;
use tokenferry_tests::rotator::Daemon;
use tokio::time::sleep;

use crate::site::{MOUNT, Site};

/// A rotation that is fine and one whose login is refused, which has no token.
async fn site(test: &str) -> (Site, Daemon) {
    let mut site = Site::new(test).await;
    let source = format!(
        "source \"zettelstore\" \"archive\" {{\n base_url = \"{}\"\n username = \"{}\"\n \
         password = {{ file = \"wrong\" }}\n}}\n",
        site.issuer.zettelstore_url(),
        site.issuer.planted.username
    );
    let rotation = format!(
        "rotation \"archive\" {{\n source = \"zettelstore.archive\"\n schedule = \"0 0 29 2 *\"\n \
         destination {{\n mount = \"{MOUNT}\"\n path = \"tokens/archive\"\n }}\n}}\n"
    );
    site.configure(|config| config.more = source + &rotation);
    site.rotator.write_secret("wrong", "planted-wrong-password");
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    // The failure is logged before it is noted in Vault, and after that the daemon knows of it.
    while !daemon.page("/").await.body.contains("login_refused") {
        sleep(Duration::from_millis(20)).await;
    }
    (site, daemon)
}

#[tokio::test]
async fn people_see_how_each_rotation_stands_and_nothing_is_complained_of() {
    let (site, daemon) = site("page").await;
    let html = daemon.page("/").await.body;
    assert!(!html.contains(&site.issuer.planted.username) && !html.contains("<script"));
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/", daemon.address().await)).await;
    assert_eq!(browser.text(".headline").await, "2 rotations: 1 without a living token, 1 failing.");
    let title = browser.evaluate("return document.title").await;
    assert_eq!(title, "2 rotations: 1 without a living token, 1 failing · tokenferry");
    let rows = browser
        .evaluate("return [...document.querySelectorAll('tbody tr .name')].map(e => e.innerText)")
        .await;
    assert_eq!(rows, serde_json::json!(["archive", "notes",]), "the one in trouble comes first");
    let archive = browser.text("table[role=table] tbody tr:first-child").await;
    for text in [
        "No token",
        "login_refused",
        "the system refused the user or the secret.",
        "is not tried again for 14 min",
    ] {
        assert!(archive.contains(text), "{text} is missing in {archive}");
    }
    let notes = browser.text("table[role=table] tbody tr:nth-child(2)").await;
    for text in ["Fine", "9 min", "left, 9", "rotated", "in 6 min", "before the token ends"] {
        assert!(notes.contains(text), "{text} is missing in {notes}");
    }
    let bar =
        browser.evaluate("return document.querySelector('.bar .left').getBoundingClientRect().width").await;
    assert!(bar.as_f64().unwrap() > 50.0, "{bar}");
    browser.click(".filters li:nth-child(3) a").await;
    assert_eq!(browser.evaluate("return location.search").await, "?state=failing");
    assert_eq!(browser.evaluate("return document.querySelectorAll('tbody .name').length").await, 1);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_page_is_the_same_without_scripts_and_refreshes_by_itself() {
    let (_site, daemon) = site("page-no-script").await;
    let browser = Browser::start().await;
    browser.disable_scripts().await;
    let url = format!("http://{}/", daemon.address().await);
    // Shows that scripts do not run.
    browser.open("data:text/html,<p>no<script>document.querySelector('p').innerText='yes'</script>").await;
    assert_eq!(browser.text("p").await, "no");
    browser.open(&url).await;
    assert_eq!(browser.text(".headline").await, "2 rotations: 1 without a living token, 1 failing.");
    assert!(browser.text("table[role=table]").await.contains("login_refused"));
    browser.click(".meta a").await;
    assert!(browser.text(".meta").await.contains("not refreshed"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn everybody_can_read_it_in_the_light_and_in_the_dark_and_on_a_phone() {
    let (_site, daemon) = site("page-for-all").await;
    let browser = Browser::start().await;
    let mut backgrounds = Vec::new();
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)] {
        browser.prefer(scheme).await;
        browser.resize(width, 900).await;
        browser.open(&format!("http://{}/", daemon.address().await)).await;
        let found = browser.evaluate(ACCESSIBILITY).await;
        assert_eq!(found, serde_json::json!([]), "{scheme}, {width} pixels");
        backgrounds.push(browser.evaluate("return getComputedStyle(document.body).backgroundColor").await);
        let wide = browser.evaluate(TOO_WIDE).await;
        assert_eq!(wide, serde_json::json!([]), "nobody has to scroll to the side at {width} pixels");
    }
    assert_ne!(backgrounds[0], backgrounds[1], "dark differs from light");
    assert_eq!((&backgrounds[0], &backgrounds[1]), (&backgrounds[2], &backgrounds[3]));
}

#[tokio::test]
async fn a_frame_or_a_script_of_others_gets_nothing() {
    let (_site, daemon) = site("page-framed").await;
    let browser = Browser::start().await;
    let url = format!("http://{}/", daemon.address().await);
    browser.open(&url).await;
    let injected = browser
        .evaluate(
            "const s = document.createElement('script'); s.textContent = 'window.mine = 1'; document.body.append(s);
             const d = document.createElement('div'); d.setAttribute('style', 'color: red'); document.body.append(d);
             return [window.mine ?? null, d.style.color]",
        )
        .await;
    assert_eq!(injected, serde_json::json!([null, ""]));
    assert_eq!(browser.complaints().await.len(), 2, "the policy refused both");
}

/// What is wrong for people who hear the page, or see it badly: each with the place where it is.
const ACCESSIBILITY: &str = r"
const wrong = [];
const one = (selector) => document.querySelectorAll(selector).length === 1 || wrong.push('not one ' + selector);
if (document.documentElement.lang !== 'en') wrong.push('no language');
if (!document.title) wrong.push('no title');
['h1', 'main', 'header', 'footer', 'table[role=table] caption', 'meta[name=viewport]'].forEach(one);
for (const th of document.querySelectorAll('th')) if (!th.scope) wrong.push('th without scope: ' + th.innerText);
for (const img of document.querySelectorAll('img')) if (!img.hasAttribute('alt')) wrong.push('img without alt');
for (const input of document.querySelectorAll('input:not([type=hidden])'))
  if (!input.labels.length) wrong.push('input without label');
for (const svg of document.querySelectorAll('svg'))
  if (svg.getAttribute('aria-hidden') !== 'true' && !svg.getAttribute('aria-label')) wrong.push('svg without text');
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
if (new Set(ids).size !== ids.length) wrong.push('an id comes twice');
const parse = (color) => { const n = color.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; }
  return [255, 255, 255, 1]; };
const seen = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !e.checkVisibility()) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  seen.add(ratio);
  if (ratio < 4.5) wrong.push('contrast ' + ratio.toFixed(2) + ': ' + walker.currentNode.data.trim());
}
if (seen.size < 3) wrong.push('no text was looked at');
return wrong;
";

/// What is cut off on the right, as far as it is seen.
const TOO_WIDE: &str = r"
const seen = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('thead'));
return seen.filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.tagName + ' ' + e.className + ' ' + Math.round(e.getBoundingClientRect().right) + ' of ' + innerWidth);
";
