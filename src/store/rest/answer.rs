//! A JSON object that a server answered with. Of a list in it only one thing at a time is in memory as a tree: a tree
//! takes ten times the room of its text.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Map, Number, Value};

use super::body::Body;
use super::failure::first_words;
use crate::store::secrets::hide;
use crate::store::{ErrorKind, Inner};

/// What stands beside a list.
const TOKEN: &str = "next_page_token";
const BESIDE: [&str; 2] = [TOKEN, "root_uri"];
/// Fields that an answer has at most; MLflow's have three.
const FIELDS: usize = 64;
/// Bytes of one thing as a tree: a run with 60,000 metrics.
const TREE: usize = 64 << 20;
/// Bytes of all things of one answer, as they are kept.
const LIST: usize = 48 << 20;

#[derive(Debug, Default)]
pub struct Answer {
    body: Body,
    fields: Vec<String>,
    next_token: Option<String>,
}

/// A list out of an answer, and the room that it takes, in bytes.
#[derive(Debug, PartialEq)]
pub struct List<T> {
    pub things: Vec<T>,
    pub weight: usize,
}

impl Answer {
    pub fn parse(body: Body) -> Inner<Self> {
        if body.bytes.is_empty() {
            return Err(ErrorKind::Protocol("an empty answer".into()));
        }
        let mut answer = Self::default();
        let mut parser = Deserializer::from_slice(&body.bytes);
        let parsed = de::Deserializer::deserialize_any(&mut parser, Outline(&mut answer));
        match parsed.and_then(|is_object| parser.end().map(|()| is_object)) {
            Ok(true) => Ok(Self { body, ..answer }),
            Ok(false) => Err(ErrorKind::Protocol("JSON, but not an object".into())),
            Err(error) => Err(ErrorKind::Protocol(format!(
                "not JSON ({error}); it begins with {:?}",
                first_words(&body.bytes)
            ))),
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|field| field == key)
    }

    /// Bytes that it has.
    pub fn length(&self) -> usize {
        self.body.bytes.len()
    }

    pub fn next_token(&self) -> Option<String> {
        self.next_token.clone()
    }

    /// A field that must be there.
    pub fn required<T>(&self, key: &str, read: impl Fn(&Value) -> Inner<T>) -> Inner<T> {
        let budget = Budget::default();
        self.at(key, ValueTree(&budget), &budget)?.ok_or_else(|| missing(key)).and_then(|value| read(&value))
    }

    /// The list that was requested. MLflow leaves an empty one out; what holds something else instead is not MLflow's.
    pub fn list<T>(&self, key: &str, read: impl Fn(&Value) -> Inner<T>) -> Inner<List<T>> {
        let other: Vec<&str> =
            self.fields.iter().map(String::as_str).filter(|field| !BESIDE.contains(field)).collect();
        if !self.has(key) && !other.is_empty() {
            let names: String = hide(&other.join(", ")).chars().take(80).collect();
            return Err(ErrorKind::Protocol(format!("{key} are asked for, and {names} came")));
        }
        let budget = Budget::default();
        let failure = RefCell::new(None);
        let found = self.at(key, Elements { read: &read, budget: &budget, failure: &failure }, &budget);
        match failure.into_inner() {
            Some(failure) => Err(failure),
            None => Ok(found?.unwrap_or_else(|| List { things: Vec::new(), weight: 0 })),
        }
    }

    /// What a seed makes of the value of a field, if that is there.
    fn at<'a, S: DeserializeSeed<'a>>(
        &'a self,
        key: &str,
        seed: S,
        budget: &Budget,
    ) -> Inner<Option<S::Value>> {
        let mut parser = Deserializer::from_slice(&self.body.bytes);
        de::Deserializer::deserialize_map(&mut parser, FieldOf { key, seed: Some(seed) }).map_err(|error| {
            if budget.is_spent() {
                ErrorKind::TooMuch(format!("one of the {key} in an answer has more than {} MB", TREE >> 20))
            } else {
                ErrorKind::Protocol(format!("the field {key:?} is of another type ({error})"))
            }
        })
    }
}

pub fn missing(key: &str) -> ErrorKind {
    ErrorKind::Protocol(format!("the field {key:?} is missing or of another type"))
}

/// Notes which fields an answer has; false where it is no object.
struct Outline<'a>(&'a mut Answer);

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.0.fields.len() == FIELDS {
                return Err(de::Error::custom(format_args!("more than {FIELDS} fields")));
            }
            if key == TOKEN {
                let token = map.next_value_seed(ValueTree(&Budget::default()))?;
                self.0.next_token = token.as_str().filter(|token| !token.is_empty()).map(str::to_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            self.0.fields.push(key);
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// Hands the value of one field to a seed, and passes over the others.
struct FieldOf<'a, S> {
    key: &'a str,
    seed: Option<S>,
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for FieldOf<'_, S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            match self.seed.take_if(|_| key == self.key) {
                Some(seed) => found = Some(map.next_value_seed(seed)?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// Reads the things of a list, one after the other; nothing in place of a list is an empty one.
struct Elements<'a, F> {
    read: &'a F,
    budget: &'a Budget,
    /// What is wrong with one of them.
    failure: &'a RefCell<Option<ErrorKind>>,
}

impl<'de, T, F: Fn(&Value) -> Inner<T>> DeserializeSeed<'de> for Elements<'_, F> {
    type Value = List<T>;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<List<T>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T, F: Fn(&Value) -> Inner<T>> Visitor<'de> for Elements<'_, F> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List { things: Vec::new(), weight: 0 })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<T>, A::Error> {
        let mut list = List { things: Vec::new(), weight: 0 };
        let fails = |failure: ErrorKind| {
            *self.failure.borrow_mut() = Some(failure);
            de::Error::custom("see the failure")
        };
        loop {
            self.budget.0.set(0);
            let Some(value) = elements.next_element_seed(ValueTree(self.budget))? else { return Ok(list) };
            list.weight += if std::mem::needs_drop::<T>() { weight(&value) } else { size_of::<T>() };
            if list.weight > LIST {
                let words = format!("the list in one answer has more than {} MB", LIST >> 20);
                return Err(fails(ErrorKind::TooMuch(words)));
            }
            list.things.push((self.read)(&value).map_err(fails)?);
        }
    }
}

/// About so many bytes as what is kept of a value.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => 32 + text.len(),
        Value::Array(items) => 24 + items.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => 24 + fields.values().map(weight).sum::<usize>(),
        _ => 16,
    }
}

/// The bytes that a tree takes so far.
#[derive(Debug, Default)]
struct Budget(Cell<usize>);

impl Budget {
    fn spend<E: de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.0.set(self.0.get() + bytes);
        if self.is_spent() { Err(E::custom("it is too large")) } else { Ok(()) }
    }

    fn is_spent(&self) -> bool {
        self.0.get() > TREE
    }
}

/// A value as a tree, within its budget.
#[derive(Clone, Copy)]
struct ValueTree<'a>(&'a Budget);

impl<'de> DeserializeSeed<'de> for ValueTree<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueTree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.spend(32 + value.len())?;
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            // A list grows to twice of what it holds.
            self.0.spend(2 * size_of::<Value>())?;
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.spend(256)?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.spend(120 + key.len())?;
            object.insert(key, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(json: &str) -> Inner<Answer> {
        Answer::parse(Body { bytes: json.as_bytes().to_vec(), turn: None })
    }

    /// All things of a list as they are.
    fn things(answer: &Answer) -> Inner<Vec<Value>> {
        answer.list("runs", |value| Ok(value.clone())).map(|list| list.things)
    }

    #[test]
    fn what_is_no_object_of_few_fields_is_no_answer() {
        for json in ["", "<html>login</html>", "{\"run\": ", "[1]", "null", "7", "\"x\"", "{} {}"] {
            assert!(matches!(answer(json), Err(ErrorKind::Protocol(_))), "{json}");
        }
        let fields: Vec<String> = (0..100_000).map(|at| format!("\"{at}\": 1")).collect();
        let failure = answer(&format!("{{{}}}", fields.join(", "))).unwrap_err().to_string();
        assert!(failure.contains("more than 64 fields"), "{failure}");
        // A million lists within one another take no stack.
        let deep = answer(&format!("{{\"runs\": {}", "[".repeat(1_000_000)));
        assert!(matches!(deep, Err(ErrorKind::Protocol(_))));
    }

    #[test]
    fn values_come_as_they_were_sent() {
        let value = json!({
            "runs": [{ "a": [1, -2, 0.1, 1e300, "é\n", null, true, { "b": 9_007_199_254_740_993_i64 }] }, 7],
            "next_page_token": "t",
        });
        let answer = answer(&value.to_string()).unwrap();
        assert_eq!(Value::Array(things(&answer).unwrap()), value["runs"]);
        assert_eq!(answer.required("runs", |value| Ok(value.clone())).unwrap(), value["runs"]);
        assert_eq!(answer.next_token().as_deref(), Some("t"));
        assert!(answer.required("run", |_| Ok(())).is_err());
    }

    #[test]
    fn what_takes_too_much_room_is_left() {
        let many = format!("[{}1]", "{\"\": 1},".repeat(300_000));
        let one = answer(&format!("{{\"runs\": [{many}]}}")).unwrap();
        let failure = things(&one).unwrap_err();
        assert!(matches!(&failure, ErrorKind::TooMuch(words) if words.contains("64 MB")), "{failure}");
        assert!(matches!(one.required("runs", |_| Ok(())), Err(ErrorKind::TooMuch(_))));
        let apart = answer(&format!("{{\"runs\": {many}}}")).unwrap();
        assert_eq!(things(&apart).unwrap().len(), 300_001);
        let texts = format!("{{\"runs\": [{}1]}}", "\"\",".repeat(1_600_000));
        let failure = things(&answer(&texts).unwrap()).unwrap_err();
        assert!(matches!(&failure, ErrorKind::TooMuch(words) if words.contains("48 MB")), "{failure}");
    }
}
