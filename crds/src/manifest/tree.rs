//! Parses text into a tree of values with line numbers. The parser's budget rejects hostile text.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Options, Spanned, options::DuplicateKeyPolicy};

use crate::manifest::error::ManifestError;

/// Levels of nesting. A job has 7, a pod template about 15.
const MAX_DEPTH: usize = 48;
/// Values in all documents together; many times the number for a list of [`crate::source::MAX_KEYS`] keys.
const MAX_NODES: usize = 50_000;
/// Aliases of YAML, and the number of values that they may expand to.
const MAX_ALIASES: usize = 100;
/// See [`MAX_ALIASES`].
const MAX_REPLAYED: usize = 10_000;

/// A value with its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// The value.
    pub value: Tree,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// Null, which equals an absent value.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Fields, in the order of the text.
    Map(Vec<Field>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Line of the name, from 1.
    pub line: u64,
    /// Column of the name, from 1.
    pub column: u64,
    /// Value of the field.
    pub node: Node,
}

/// Position in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
}

/// Parses all documents of a text, without empty ones.
///
/// # Errors
/// [`ManifestError::Syntax`] for text that is neither YAML nor JSON, or has duplicate fields,
/// [`ManifestError::TooComplex`] for text that exceeds a limit.
pub fn read(text: &str) -> Result<Vec<Node>, ManifestError> {
    serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| failure(&error))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
        duplicate_keys: DuplicateKeyPolicy::Error,
        // Only `true` and `false`: `language: no` is Norwegian.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn failure(error: &serde_saphyr::Error) -> ManifestError {
    use serde_saphyr::Error;
    let message = error.to_string();
    let location = error.location();
    match error.without_snippet() {
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => ManifestError::TooComplex { message },
        _ => ManifestError::Syntax {
            line: location.map_or(0, |location| location.line()),
            column: location.map_or(0, |location| location.column()),
            message,
        },
    }
}

impl Node {
    /// The field of that name, unless it is null.
    pub fn get(&self, name: &str) -> Option<&Field> {
        match &self.value {
            Tree::Map(fields) => {
                fields.iter().find(|field| field.name == name && field.node.value != Tree::Null)
            }
            _ => None,
        }
    }

    /// The text of the field of that name.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.node.value {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Position of the field at `path`, or of the nearest enclosing one.
    pub fn nearest(&self, path: &str) -> Position {
        let mut position = Position { line: self.line, column: self.column };
        let mut node = self;
        for step in path.split(['.', '[']).map(|step| step.trim_end_matches(']')) {
            if let Some(field) = node.get(step) {
                position = Position { line: field.line, column: field.column };
                node = &field.node;
            } else if let Tree::List(entries) = &node.value
                && let Some(entry) = step.parse().ok().and_then(|index: usize| entries.get(index))
            {
                position = Position { line: entry.line, column: entry.column };
                node = entry;
            } else {
                break;
            }
        }
        position
    }

    /// The value as JSON. Null fields are removed, so that defaults apply, as in Kubernetes.
    pub fn to_json(&self) -> Value {
        match &self.value {
            Tree::Null => Value::Null,
            Tree::Bool(bool) => Value::Bool(*bool),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => Value::String(text.clone()),
            Tree::List(entries) => entries.iter().map(Self::to_json).collect(),
            Tree::Map(fields) => Value::Object(
                fields
                    .iter()
                    .filter(|field| field.node.value != Tree::Null)
                    .map(|field| (field.name.clone(), field.node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tree>::deserialize(deserializer)?;
        let at = spanned.referenced;
        Ok(Self { line: at.line(), column: at.column(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor(PhantomData))
    }
}

struct TreeVisitor<'de>(PhantomData<&'de ()>);

impl<'de> Visitor<'de> for TreeVisitor<'de> {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        Number::from_f64(value).map(Tree::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = entries.next_key::<Spanned<String>>()? {
            let at = name.referenced;
            let node = entries.next_value()?;
            fields.push(Field { name: name.value, line: at.line(), column: at.column(), node });
        }
        Ok(Tree::Map(fields))
    }
}
