//! What can go wrong above `domain`, without a word of HTTP.
//!
//! Invariant: whatever a caller may read is in the variant; the cause of an [`Error::Internal`] goes to the log alone.

use std::time::Duration;

use crate::domain::invalid::Faults;

/// Why something was not done. Nothing is half done when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is not what the contract asks for: syntax, unknown fields, wrong types.
    #[error("malformed: {0}")]
    Malformed(Faults),
    /// The input is well formed and breaks a rule of the business.
    #[error("invalid: {0}")]
    Invalid(Faults),
    /// No key, or none that opens this door. The text may be shown.
    #[error("not authenticated: {0}")]
    Unauthenticated(&'static str),
    /// The key is good and may not do this.
    #[error("the key lacks the scope {0}")]
    Forbidden(String),
    /// Absent, or somebody else's: the same.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The present state does not allow it.
    #[error("{detail}")]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// What stands in the way, and the way round.
        detail: String,
        /// The id of what stands in the way, where it is one thing.
        resource: Option<String>,
    },
    /// Too much at once; later will do.
    #[error("busy")]
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// Another transaction came first: `store::Db::write` tries again, so nobody else ever sees this.
    #[error("lost a race")]
    Race,
    /// Our fault, or the machine's.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// A conflict with its word and its explanation.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into(), resource: None }
    }

    /// A conflict with one thing that is there already.
    pub fn conflict_with(resource: impl std::fmt::Display, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into(), resource: Some(resource.to_string()) }
    }

    /// A failure that nobody outside can mend.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }
}

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

/// A missing row is no client error by itself: finders say what they looked for.
impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        if crate::store::lost_a_race(&error) { Self::Race } else { Self::Internal(format!("database: {error}")) }
    }
}

/// The result of everything above `domain`.
pub type Result<T, E = Error> = std::result::Result<T, E>;
