//! Where the database is, checked before anything is opened: a mistyped URL must not become a new, empty file.

use std::{fmt, path::PathBuf, str::FromStr};

/// The address of a database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `postgres://…`
    Postgres(String),
    /// `sqlite:path`, relative to the working directory or absolute.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Whether opening it could succeed, as far as the machine can tell.
    pub(super) fn ready(&self) -> Result<(), String> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder {
            Some(folder) if !folder.is_dir() => {
                Err(format!("the folder of the database {self} does not exist; create {} first", folder.display()))
            }
            _ if path.is_dir() => Err(format!("the database {self} is a folder; name a file in it")),
            _ => Ok(()),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!("the database URL is wrong: {why}; write sqlite:relance.db, or postgres://user:password@host/database"))
        };
        match text.split_once(':') {
            Some(("postgres" | "postgresql", _)) => match ::url::Url::parse(text) {
                Ok(url) if url.path().len() > 1 => Ok(Self::Postgres(text.to_owned())),
                Ok(_) => wrong("it names no database"),
                Err(error) => wrong(&error.to_string()),
            },
            Some(("sqlite", rest)) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                match path {
                    "" => wrong("it names no file"),
                    ":memory:" => wrong("a database in memory would forget what was acknowledged"),
                    path if path.contains('?') => wrong("a SQLite URL takes no parameters"),
                    path => Ok(Self::Sqlite(PathBuf::from(path))),
                }
            }
            Some((scheme, _)) => wrong(&format!("unknown scheme {scheme:?}")),
            None => wrong("it has no scheme"),
        }
    }
}

/// Without the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(text) => match ::url::Url::parse(text) {
                Ok(url) => write!(
                    f,
                    "postgres://{}{}{}",
                    url.host_str().unwrap_or_default(),
                    url.port().map(|port| format!(":{port}")).unwrap_or_default(),
                    url.path()
                ),
                Err(_) => f.write_str("postgres://…"),
            },
        }
    }
}
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_urls_are_refused_with_the_cure() {
        for wrong in [
            "",
            "relance.db",
            "sqllite:relance.db",
            "sqlite:",
            "sqlite::memory:",
            "postgres://localhost",
            "postgres//x/y",
            "mysql://h/d",
            "sqlite:a.db?mode=ro",
        ] {
            let error = wrong.parse::<DatabaseUrl>().unwrap_err();
            assert!(error.contains("sqlite:relance.db"), "{wrong}: {error}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let url: DatabaseUrl = "postgres://ann:secret@db:5433/relance".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "postgres://db:5433/relance postgres://db:5433/relance");
    }
}
