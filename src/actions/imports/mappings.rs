//! Mappings: which column of a table feeds which field, kept under a name.

use serde_json::json;

use super::super::{
    Act,
    put::{Outcome, Put},
};
use crate::{
    domain::{import::csv::Mapping, invalid::Faults},
    error::{Error, Result},
    store::{self, Json, Ts, import_mappings::ImportMapping},
};

/// How many mappings a tenant may keep.
const MOST: usize = 200;

/// Keeps a mapping under a name, in the place of the one that was there.
///
/// # Errors
/// Every broken rule of the input; `limit_reached`.
pub fn put(act: &mut Act<'_>, name: &str, mapping: &Mapping) -> Result<Put<ImportMapping>> {
    let mut faults = mapping.check();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    if name.is_empty() || name.len() > 50 || !name.chars().all(allowed) {
        faults.nest("", Faults::one("path", "wrong_format", "name: 1 to 50 letters, digits, dots, hyphens or underscores"));
    }
    faults.or(())?;
    let (row, outcome) = match store::import_mappings::find(act.conn, act.tenant, name) {
        Ok(old) if old.document.0 == *mapping => return Ok(Put { row: old, outcome: Outcome::Unchanged }),
        Ok(old) => {
            let row =
                ImportMapping { document: Json(mapping.clone()), version: old.version.saturating_add(1), updated_at: Ts(act.wall), ..old };
            store::import_mappings::update(act.conn, &row)?;
            (row, Outcome::Changed)
        }
        Err(Error::NotFound(_)) => {
            if store::import_mappings::all(act.conn, act.tenant)?.len() >= MOST {
                return Err(Error::conflict("limit_reached", format!("there can be {MOST} mappings; delete one that is not needed")));
            }
            let row = ImportMapping {
                tenant_id: act.tenant,
                name: name.to_owned(),
                document: Json(mapping.clone()),
                version: 1,
                created_at: Ts(act.wall),
                updated_at: Ts(act.wall),
            };
            store::import_mappings::insert(act.conn, &row)?;
            (row, Outcome::Created)
        }
        Err(error) => return Err(error),
    };
    act.witness("import_mapping.written", name, json!({"version": row.version, "source": mapping.source, "kind": mapping.kind()}));
    Ok(Put { row, outcome })
}

/// Takes a mapping away. Imports under way have their own copy.
///
/// # Errors
/// No such mapping.
pub fn delete(act: &mut Act<'_>, name: &str) -> Result<ImportMapping> {
    let row = store::import_mappings::find(act.conn, act.tenant, name)?;
    store::import_mappings::delete(act.conn, act.tenant, name)?;
    act.witness("import_mapping.deleted", name, json!({"version": row.version}));
    Ok(row)
}
