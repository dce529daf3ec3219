//! What stands where a problem points.

use crate::{FieldProblem, Given, GivenFields, Place};

/// What is known of a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// Nobody wrote it.
    Absent,
    /// All of it is known.
    Known,
    /// A part of it is not known yet.
    Unknown,
}

/// What stands at the place of a problem.
pub(super) fn of(problem: &FieldProblem, given: &GivenFields) -> Standing {
    given.get(problem.field).map_or(Standing::Absent, |value| within(value, &problem.within))
}

fn within(value: &Given, way: &[Place]) -> Standing {
    match (value, way) {
        (Given::Unknown | Given::Reference(_), _) => Standing::Unknown,
        (value, []) if is_known(value) => Standing::Known,
        (_, []) => Standing::Unknown,
        (Given::Map(values), [Place::Name(name), rest @ ..]) => named(values, name, rest),
        (Given::List(blocks), [Place::Index(index), rest @ ..]) => match (blocks.get(*index), rest) {
            (None, _) => Standing::Absent,
            (Some(block), []) if block.values().all(is_known) => Standing::Known,
            (Some(block), [Place::Name(name), rest @ ..]) => named(block, name, rest),
            (Some(_), _) => Standing::Unknown,
        },
        _ => Standing::Absent,
    }
}

fn named(values: &GivenFields, name: &str, rest: &[Place]) -> Standing {
    values.get(name).map_or(Standing::Absent, |value| within(value, rest))
}

fn is_known(value: &Given) -> bool {
    match value {
        Given::Flag(_) | Given::Text(_) => true,
        Given::List(blocks) => blocks.iter().flat_map(GivenFields::values).all(is_known),
        Given::Map(values) => values.values().all(is_known),
        Given::Reference(_) | Given::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&str, Given)]) -> GivenFields {
        fields.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect()
    }

    #[test]
    fn a_problem_points_to_something_to_nothing_or_to_what_is_not_known_yet() {
        let block = fields(&[("url", "https://a.example".into()), ("body", Given::Unknown)]);
        let secrets = fields(&[("id", Given::Unknown), ("other", "text".into())]);
        let given = fields(&[("request", Given::List(vec![block])), ("secrets", Given::Map(secrets))]);
        let name = |name: &str| Place::Name(name.to_owned());
        let cases = [
            ("request", vec![Place::Index(0), name("url")], Standing::Known),
            ("request", vec![Place::Index(0), name("method")], Standing::Absent),
            ("request", vec![Place::Index(0), name("body")], Standing::Unknown),
            ("request", vec![Place::Index(0)], Standing::Unknown),
            ("request", vec![Place::Index(1)], Standing::Absent),
            ("request", vec![], Standing::Unknown),
            ("secrets", vec![name("id")], Standing::Unknown),
            ("secrets", vec![name("other")], Standing::Known),
            ("secrets", vec![name("none")], Standing::Absent),
            ("oauth2", vec![], Standing::Absent),
        ];
        for (field, way, expected) in cases {
            let problem = FieldProblem::error(field, String::new(), String::new());
            let problem = FieldProblem { within: way, ..problem };
            assert_eq!(of(&problem, &given), expected, "{field} {:?}", problem.within);
        }
    }
}
