//! What the records of provider accounts have in common. Each adapter declares its own settings and credentials; `registry` tells them apart.
//!
//! These are request shapes: their schemas are the gate, and what a schema cannot say is checked when the adapter is
//! built. Invariant: nothing here prints a credential.

use std::fmt;

use utoipa::{
    PartialSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::{
    domain::{ids::Mode, invalid::Faults},
    outbound::net::Net,
};

/// A credential: readable by the adapter, invisible in logs.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The credential itself, for the provider's eyes only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The schema of `T` with its `kind` inside: a reference beside it could not forbid unknown fields.
pub(super) fn tagged<T: PartialSchema>(kind: &str) -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let tag = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind])).description(Some("Tells the kinds apart."));
        object.properties.insert("kind".to_owned(), tag.into());
        object.required.push("kind".to_owned());
    }
    schema
}

/// The credentials of an account that must have some.
///
/// # Errors
/// There are none.
pub(super) fn needed<T>(credentials: Option<&T>) -> Result<&T, Faults> {
    credentials.ok_or_else(|| Faults::one("/credentials", "required", "this kind of provider account needs credentials"))
}

/// Notes where `url`, made of the field at `pointer`, may not be called.
pub(super) fn check_url(faults: &mut Faults, net: &Net, pointer: &str, url: &str) {
    if let Err(why) = net.policy().check_url(Mode::Live, url) {
        faults.add(pointer, "invalid_url", why.to_string());
    }
}
