//! `/v1/import-mappings`: which column of a table feeds which field, kept under a name.

use actix_web::{delete, get, http::StatusCode, put};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, call::Answer, external, subject::Look};
use crate::{
    actions,
    domain::import::{csv::Mapping, job::ImportKind},
    error::Result,
    store::{self, import_mappings::ImportMapping},
};

/// A mapping and its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportMappingView {
    /// Always `import_mapping`.
    #[schema(max_length = 20, example = "import_mapping")]
    pub object: &'static str,
    /// Its name.
    #[schema(max_length = 50, example = "sage-invoices")]
    pub name: String,
    /// What the tables are that it fits.
    pub kind: ImportKind,
    /// Which column feeds which field.
    pub mapping: Mapping,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was first kept.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<ImportMapping> for ImportMappingView {
    fn from(row: ImportMapping) -> Self {
        let mapping = row.document.0;
        Self {
            object: "import_mapping",
            name: row.name,
            kind: mapping.kind(),
            mapping,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// Every mapping.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportMappingsView {
    /// By name.
    #[schema(max_items = 200)]
    pub data: Vec<ImportMappingView>,
}

/// List import mappings
///
/// All of them, by name.
#[utoipa::path(operation_id = "listImportMappings", tag = "Imports", responses((status = 200, description = "The mappings", body = ImportMappingsView)), security(("api_key" = ["imports:read"])))]
#[get("/v1/import-mappings")]
pub async fn list(call: Call) -> Answer {
    let rows = call.read(store::import_mappings::all).await?;
    call.ok(&ImportMappingsView { data: rows.into_iter().map(ImportMappingView::from).collect() })
}

/// Get an import mapping
///
/// As it is now.
#[utoipa::path(operation_id = "getImportMapping", tag = "Imports", params(("mapping_name" = String, Path, description = "Its name", min_length = 1, max_length = 50)), responses((status = 200, description = "The mapping", body = ImportMappingView)), security(("api_key" = ["imports:read"])))]
#[get("/v1/import-mappings/{mapping_name}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// No such thing.
pub(super) fn current(look: &mut Look<'_>) -> Result<ImportMappingView> {
    let name = look.text("mapping_name")?.to_owned();
    store::import_mappings::find(look.conn, look.tenant, &name).map(ImportMappingView::from)
}

/// Write an import mapping
///
/// Under a name of yours; it takes the place of the one that was there. Imports that were lined up before keep their own copy.
#[utoipa::path(operation_id = "putImportMapping", tag = "Imports", params(("mapping_name" = String, Path, description = "Its name: 1 to 50 letters, digits, dots, hyphens or underscores", min_length = 1, max_length = 50)), request_body = Mapping, responses((status = 201, description = "Kept", body = ImportMappingView), (status = 200, description = "Brought up to date", body = ImportMappingView)), security(("api_key" = ["imports:write"])))]
#[put("/v1/import-mappings/{mapping_name}")]
pub async fn write(call: Call<Mapping>) -> Answer {
    let (name, mapping) = (call.path("mapping_name")?.to_owned(), call.body.clone());
    call.act_as(move |act| {
        let put = actions::imports::mappings::put(act, &name, &mapping)?;
        Ok((external::status(put.outcome), ImportMappingView::from(put.row)))
    })
    .await
}

/// Delete an import mapping
///
/// Imports that were lined up before keep their own copy.
#[utoipa::path(operation_id = "deleteImportMapping", tag = "Imports", params(("mapping_name" = String, Path, description = "Its name", min_length = 1, max_length = 50)), responses((status = 200, description = "As it was", body = ImportMappingView)), security(("api_key" = ["imports:write"])))]
#[delete("/v1/import-mappings/{mapping_name}")]
pub async fn delete(call: Call) -> Answer {
    let name = call.path("mapping_name")?.to_owned();
    call.act(StatusCode::OK, move |act| actions::imports::mappings::delete(act, &name).map(ImportMappingView::from)).await
}
