//! Things by the name that another system gave them: the two parts of the path, and what a PUT answers.

use actix_web::{http::StatusCode, web};

use super::{Problem, subject::Look};
use crate::{actions::put::Outcome, domain::external::ExternalKey, error::Error};

/// The decoded `{source}/{external_id}` of a path.
pub type KeyPath = web::Path<(String, String)>;

/// The key that a path names.
///
/// # Errors
/// Parts out of their bounds.
pub fn key(path: &KeyPath) -> Result<ExternalKey, Problem> {
    ExternalKey::from_path(&path.0, &path.1).map_err(|faults| Error::Malformed(faults).into())
}

/// The key that is looked for.
///
/// # Errors
/// Parts out of their bounds.
pub fn key_in(look: &Look<'_>) -> crate::error::Result<ExternalKey> {
    ExternalKey::from_path(look.text("source")?, look.text("external_id")?).map_err(Error::Malformed)
}

/// 201 for what is new, 200 for what was known.
pub const fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Changed | Outcome::Unchanged => StatusCode::OK,
    }
}

/// The body's own key, if it has one, must be the path's.
///
/// # Errors
/// A body that names something else.
pub fn same(key: &ExternalKey, source: Option<&str>, external_id: Option<&str>) -> Result<(), Problem> {
    let mut faults = crate::domain::invalid::Faults::none();
    if source.is_some_and(|source| source != key.source) {
        faults.add("/source", "contradiction", "differs from the source in the path; leave it out");
    }
    if external_id.is_some_and(|id| id != key.external_id) {
        faults.add("/external_id", "contradiction", "differs from the external_id in the path; leave it out");
    }
    Ok(faults.or(())?)
}
