//! Paths as policies write them. There `*` at the end, `+` as a whole step and braces have a meaning, and none of them
//! can be escaped: where a path has such characters the least pattern that matches it matches others, too.

/// A path in a policy.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Pattern {
    pub(super) path: String,
    /// What it matches beyond the path that is meant.
    pub(super) remark: Option<&'static str>,
}

impl Pattern {
    pub(super) fn of(request: &str) -> Self {
        let steps = request.split('/').map(|step| if is_unwritable(step) { ANY_STEP } else { step });
        let path = steps.collect::<Vec<_>>().join("/");
        let remark = match () {
            () if path.split('/').any(|step| step == ANY_STEP) => Some(ANY),
            () if path.ends_with('*') => Some(PREFIX),
            () => None,
        };
        Pattern { path, remark }
    }
}

/// What Vault refuses within a policy, or takes for a template or the beginning of an expression.
fn is_unwritable(step: &str) -> bool {
    ["+*", "{{", "}}", "${"].iter().any(|marks| step.contains(marks))
}

const ANY_STEP: &str = "+";
const ANY: &str = "matches more than is needed: the step at + can be anything, since policies cannot name it";
const PREFIX: &str =
    "matches more than is needed: everything that begins so, since policies cannot name a * at the end";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_policies_is_told() {
        let cases = [
            ("secret/data/a", "secret/data/a", None),
            ("secret/data/a*b/+c/d+", "secret/data/a*b/+c/d+", None),
            ("secret/data/a b/ä\"\\", "secret/data/a b/ä\"\\", None),
            ("secret/data/{a}/$b", "secret/data/{a}/$b", None),
            ("secret/data/a*", "secret/data/a*", Some(PREFIX)),
            ("secret/data/+/b", "secret/data/+/b", Some(ANY)),
            ("secret/data/a/+", "secret/data/a/+", Some(ANY)),
            ("secret/data/a+*b/c", "secret/data/+/c", Some(ANY)),
            ("secret/data/{{a}}", "secret/data/+", Some(ANY)),
            ("secret/data/a}}/b", "secret/data/+/b", Some(ANY)),
            ("secret/data/${a/b", "secret/data/+/b", Some(ANY)),
        ];
        for (request, path, remark) in cases {
            assert_eq!(Pattern::of(request), Pattern { path: path.to_owned(), remark }, "{request}");
        }
    }
}
