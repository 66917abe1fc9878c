//! What JSON is read into.

use std::borrow::Cow;

use crate::request::map::Map;
use crate::request::number::Number;
use crate::request::small::Text;
use crate::request::value::Value;

/// What a value is read into.
pub(super) trait Made: Sized {
    type Key;
    fn key(key: Cow<'_, [u8]>) -> Self::Key;
    fn text(text: Cow<'_, [u8]>) -> Self;
    fn number(number: &[u8]) -> Self;
    fn word(value: Value) -> Self;
    fn list(values: Vec<Self>) -> Self;
    fn map(pairs: Vec<(Self::Key, Self)>) -> Self;
}

impl Made for Value {
    type Key = Text;

    fn key(key: Cow<'_, [u8]>) -> Text {
        key.into()
    }

    fn text(text: Cow<'_, [u8]>) -> Value {
        Value::of_text(text)
    }

    fn number(number: &[u8]) -> Value {
        Value::Number(Number::new(&String::from_utf8_lossy(number)))
    }

    fn word(value: Value) -> Value {
        value
    }

    fn list(values: Vec<Value>) -> Value {
        Value::List(values.into())
    }

    fn map(pairs: Vec<(Text, Value)>) -> Value {
        Value::Map(Map::last_of_each(pairs))
    }
}

/// Nothing is kept, and no memory is taken: a list of nothings takes none.
impl Made for () {
    type Key = ();

    fn key(_: Cow<'_, [u8]>) {}

    fn text(_: Cow<'_, [u8]>) {}

    fn number(_: &[u8]) {}

    fn word(_: Value) {}

    fn list(_: Vec<()>) {}

    fn map(_: Vec<((), ())>) {}
}
