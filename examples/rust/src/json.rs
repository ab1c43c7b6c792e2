//! Strict JSON, as metadata of a file may be hostile: unique keys, bounded nesting, integers of 64 bits as they are.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

const MAX_NESTING: usize = 32;

/// A value; what is no integer of 64 bits is a float64.
#[derive(Debug, PartialEq)]
pub enum Json {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads an object; `what` names it in errors.
    pub fn object(text: &str, what: &str) -> Result<Json, String> {
        let value: Json =
            serde_json::from_str(text).map_err(|error| format!("{what} must be JSON, however: {error}"))?;
        if value.depth() > MAX_NESTING {
            return Err(format!("{what} must nest at most {MAX_NESTING} levels, however: it nests more"));
        }
        match value {
            Json::Object(_) => Ok(value),
            _ => Err(format!("{what} must be an object, however: {value}")),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Json::Array(values) => 1 + values.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(entries) => 1 + entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The value of a key; `what` names the object in errors.
    pub fn get(&self, key: &str, what: &str) -> Result<&Json, String> {
        let Json::Object(entries) = self else {
            return Err(format!("{what} must be an object, however: {self}"));
        };
        let found = entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value).ok_or_else(|| format!("{what} must have the key {key:?}, however: it is missing"))
    }

    pub fn text(&self, key: &str, what: &str) -> Result<&str, String> {
        match self.get(key, what)? {
            Json::Text(text) => Ok(text),
            other => Err(format!("{key} of {what} must be a string, however: {other}")),
        }
    }

    pub fn boolean(&self, key: &str, what: &str) -> Result<bool, String> {
        match self.get(key, what)? {
            Json::Boolean(value) => Ok(*value),
            other => Err(format!("{key} of {what} must be true or false, however: {other}")),
        }
    }

    pub fn integer(&self, key: &str, what: &str) -> Result<i64, String> {
        match self.get(key, what)? {
            Json::Integer(value) => Ok(*value),
            other => Err(format!("{key} of {what} must be an integer, however: {other}")),
        }
    }

    pub fn array(&self, key: &str, what: &str) -> Result<&[Json], String> {
        match self.get(key, what)? {
            Json::Array(values) => Ok(values),
            other => Err(format!("{key} of {what} must be an array, however: {other}")),
        }
    }

    /// A finite number, none if it is something else.
    pub fn number(&self) -> Option<f64> {
        match self {
            Json::Integer(value) => Some(*value as f64),
            Json::Float(value) if value.is_finite() => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Display for Json {
    /// As an error message shows it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Json::Null => write!(f, "null"),
            Json::Boolean(value) => write!(f, "{value}"),
            Json::Integer(value) => write!(f, "{value}"),
            Json::Float(value) => write!(f, "{value}"),
            Json::Text(text) => write!(f, "{:?}", text.chars().take(60).collect::<String>()),
            Json::Array(_) => write!(f, "an array"),
            Json::Object(_) => write!(f, "an object"),
        }
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Float(value as f64), Json::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut known = std::collections::HashSet::new();
        while let Some((key, value)) = map.next_entry::<String, Json>()? {
            if !known.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key {key:?} comes twice")));
            }
            entries.push((key, value));
        }
        Ok(Json::Object(entries))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}
