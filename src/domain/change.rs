//! What a change says of a field that may be empty: nothing, a value, or that it be empty.
//!
//! As in RFC 7396: an absent field stays as it is, `null` clears it. Invariant: it reads absence only where the field has `#[serde(default)]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What becomes of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It becomes this.
    To(T),
}

impl<T> Change<T> {
    /// The value that it brings, if it brings one.
    pub const fn new_value(&self) -> Option<&T> {
        match self {
            Self::To(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Whether nothing is said: a field that is not written.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T: Clone> Change<T> {
    /// What the field is afterwards.
    pub fn of(&self, old: Option<&T>) -> Option<T> {
        match self {
            Self::Keep => old.cloned(),
            Self::Clear => None,
            Self::To(value) => Some(value.clone()),
        }
    }
}

/// A value that is given, or nothing said.
impl<T> From<Option<T>> for Change<T> {
    fn from(given: Option<T>) -> Self {
        given.map_or(Self::Keep, Self::To)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Clear, Self::To))
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.new_value().serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Body {
        #[serde(skip_serializing_if = "Change::is_keep")]
        number: Change<i32>,
    }

    #[test]
    fn absence_keeps_null_clears_and_a_value_replaces() {
        for (text, change, after) in
            [("{}", Change::Keep, Some(7)), (r#"{"number":null}"#, Change::Clear, None), (r#"{"number":3}"#, Change::To(3), Some(3))]
        {
            let body: Body = serde_json::from_str(text).unwrap();
            assert_eq!(body.number, change);
            assert_eq!(body.number.of(Some(&7)), after);
            assert_eq!(serde_json::to_string(&body).unwrap(), text);
        }
    }
}
