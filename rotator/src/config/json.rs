//! JSON as HCL has it: a text, a heredoc, or the thing itself.

use hcl_edit::expr::Expression;
use hcl_edit::template::Element;
use serde_json::{Map, Number, Value as Json};

use super::document::Noted;
use super::object::Entries;
use super::value::{JSON, PART_OF_JSON, Value};

/// The JSON text of a value. What is a text already is not looked into.
pub(super) fn json_text(value: Value<'_>) -> Result<String, Noted> {
    match value.expression {
        Expression::HeredocTemplate(heredoc) => {
            let literal = |element: &Element| element.as_literal().map(|text| text.as_str().to_owned());
            heredoc
                .template
                .iter()
                .map(literal)
                .collect::<Option<String>>()
                .ok_or_else(|| value.is_filled_in())
        }
        Expression::Array(_) | Expression::Object(_) => json(value).map(|json| json.to_string()),
        _ => value.text_for(JSON).map(str::to_owned),
    }
}

fn json(value: Value<'_>) -> Result<Json, Noted> {
    match value.expression {
        Expression::Null(_) => Ok(Json::Null),
        Expression::Bool(flag) => Ok(Json::Bool(*flag.value())),
        Expression::Number(number) => {
            let number = number.value();
            let whole = number.as_u64().map(Number::from).or_else(|| number.as_i64().map(Number::from));
            let number = whole.or_else(|| Number::from_f64(number.as_f64()?));
            number.map(Json::Number).ok_or_else(|| value.spot.note("JSON has no such number"))
        }
        Expression::Array(_) => in_order(value.list()?.map(json)).map(Json::Array),
        Expression::Object(_) => {
            let entries = Entries::of(value)?;
            let named =
                |(name, value): (&str, Result<Value<'_>, Noted>)| Ok((name.to_owned(), json(value?)?));
            let named: Vec<(String, Json)> = in_order(entries.all().map(named))?;
            Ok(Json::Object(Map::from_iter(named)))
        }
        _ => value.text_for(PART_OF_JSON).map(Json::from),
    }
}

/// All of them are read before one that is wrong ends the reading.
fn in_order<T>(read: impl Iterator<Item = Result<T, Noted>>) -> Result<Vec<T>, Noted> {
    read.collect::<Vec<_>>().into_iter().collect()
}
