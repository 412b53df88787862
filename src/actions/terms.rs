//! Payment terms: written, given another version, archived, tried on a sale.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde_json::json;

use super::Act;
use crate::{
    domain::{
        crypto::sha256,
        ids::{TenantId, TermsId},
        invalid::{Fault, Faults},
        ledger::terms::{
            Terms as Document,
            maximum::{self, TermsWarning},
            request::TermsPreview,
            split::{self, InstalmentDraft},
        },
    },
    error::{Error, Result},
    store::{
        self, Conn, Json, Ts,
        terms::{Terms, TermsVersion},
    },
};

/// How many terms a tenant may use at a time.
const MAX_TERMS: i64 = 500;

/// Writes terms, in force at once.
///
/// # Errors
/// Everything that is wrong with the document, and what the law of the tenant voids in it; too many terms.
pub fn create(act: &mut Act<'_>, document: &Document) -> Result<(Terms, TermsVersion)> {
    check(act, document)?;
    if store::terms::count(act.conn, act.tenant)? >= MAX_TERMS {
        return Err(Error::conflict(
            "limit_reached",
            format!("a tenant can use {MAX_TERMS} payment terms; archive some, or write a version of one"),
        ));
    }
    let row = Terms {
        tenant_id: act.tenant,
        id: TermsId::new(act.wall),
        name: document.name.clone(),
        current_version: 1,
        archived_at: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    };
    store::terms::insert(act.conn, &row)?;
    let version = add_version(act, &row, document)?;
    act.witness("terms.created", row.id, json!({"version": 1, "sha256": digest(document)?}));
    Ok((row, version))
}

/// Writes the next version, in force at once for the invoices to come. The same document again changes nothing.
///
/// # Errors
/// As [`create`]; no such terms; archived ones.
pub fn revise(act: &mut Act<'_>, id: TermsId, document: &Document) -> Result<(Terms, TermsVersion)> {
    let old = store::terms::find(act.conn, act.tenant, id)?;
    if old.archived_at.is_some() {
        return Err(Error::conflict("wrong_state", "the terms are archived; write new ones"));
    }
    check(act, document)?;
    let current = store::terms::version(act.conn, act.tenant, id, old.current_version)?;
    if current.document.0 == *document {
        return Ok((old, current));
    }
    let row = Terms {
        name: document.name.clone(),
        current_version: old.current_version.saturating_add(1),
        version: old.version.saturating_add(1),
        updated_at: Ts(act.wall),
        ..old
    };
    let version = add_version(act, &row, document)?;
    store::terms::update(act.conn, &row)?;
    act.witness("terms.changed", id, json!({"version": row.current_version, "sha256": digest(document)?}));
    Ok((row, version))
}

/// Takes terms out of use: no invoice to come gets them, and those recorded keep their copy. Again is no error.
///
/// # Errors
/// No such terms; `in_use` while they are a customer's or the tenant's own.
pub fn archive(act: &mut Act<'_>, id: TermsId) -> Result<(Terms, TermsVersion)> {
    let old = store::terms::find(act.conn, act.tenant, id)?;
    let current = store::terms::version(act.conn, act.tenant, id, old.current_version)?;
    if old.archived_at.is_some() {
        return Ok((old, current));
    }
    let assigned = store::terms::assigned(act.conn, act.tenant, id)?;
    let default = store::tenants::find(act.conn, act.tenant)?.settings.terms_id == Some(id);
    if assigned > 0 || default {
        let tenants = if default { ", and are the tenant's own" } else { "" };
        let detail = format!("the terms are those of {assigned} customers{tenants}; give them others first");
        return Err(Error::conflict("in_use", detail));
    }
    let row = Terms { archived_at: Some(Ts(act.wall)), version: old.version.saturating_add(1), updated_at: Ts(act.wall), ..old };
    store::terms::update(act.conn, &row)?;
    act.audit("terms.archived", id, json!({}));
    Ok((row, current))
}

/// A sale under terms: its parts, and what the law of the tenant says. Nothing is written.
///
/// # Errors
/// No such terms; everything that is wrong with the document or the sale, and what the law voids.
pub fn preview(conn: &mut Conn, tenant: TenantId, wanted: &TermsPreview) -> Result<(Vec<InstalmentDraft>, Vec<TermsWarning>)> {
    wanted.check().or(())?;
    let document = match (&wanted.document, wanted.terms_id) {
        (Some(document), _) => document.clone(),
        (None, Some(id)) => {
            let mut found = store::terms::usable(conn, tenant, &[id])?;
            found.remove(&id).ok_or_else(|| Faults::one("/terms_id", "not_found", UNUSABLE))?.document
        }
        (None, None) => return Err(Faults::one("/terms_id", "required", "give terms_id or document").into()),
    };
    let own = store::tenants::find(conn, tenant)?;
    let mut faults = Faults::none();
    if !document.admits(wanted.customer_kind) {
        faults.add("/customer_kind", "not_meant_for", format!("the terms are not meant for a {}", wanted.customer_kind));
    }
    let judged = Document { audiences: vec![wanted.customer_kind], ..document };
    let warnings = maximum::of_terms(&judged, &own.jurisdiction, wanted.issue_date).unwrap_or_default();
    for fault in maximum::of_sale(&judged, &own.jurisdiction, wanted.customer_kind, &wanted.dates()).err().unwrap_or_default().0 {
        let pointer = if wanted.document.is_some() { "/document" } else { "/terms_id" };
        faults.0.push(Fault { pointer: pointer.to_owned(), ..fault });
    }
    let drafts = split::split(&judged, wanted.kind, &wanted.amounts(), &wanted.dates(), &own.calendar()).unwrap_or_else(|wrong| {
        faults.nest("", wrong);
        Vec::new()
    });
    Ok(faults.or((drafts, warnings))?)
}

/// What the law of the tenant says to each of these documents, today.
///
/// # Errors
/// The store's.
pub fn warnings<'a>(
    conn: &mut Conn,
    tenant: TenantId,
    documents: impl Iterator<Item = &'a Document>,
    wall: DateTime<Utc>,
) -> Result<Vec<Vec<TermsWarning>>> {
    let own = store::tenants::find(conn, tenant)?;
    let today = own.calendar().today(own.now(wall));
    Ok(documents.map(|document| maximum::of_terms(document, &own.jurisdiction, today).unwrap_or_default()).collect())
}

const UNUSABLE: &str = "no such payment terms, or they are archived";

/// Refuses terms that cannot be used.
///
/// # Errors
/// The store's.
pub fn check_usable(act: &mut Act<'_>, terms: Option<TermsId>, faults: &mut Faults) -> Result<()> {
    if let Some(id) = terms
        && store::terms::usable(act.conn, act.tenant, &[id])?.is_empty()
    {
        faults.add("/terms_id", "not_found", UNUSABLE);
    }
    Ok(())
}

/// The document by itself and before the law of the tenant.
fn check(act: &mut Act<'_>, document: &Document) -> Result<()> {
    let own = store::tenants::find(act.conn, act.tenant)?;
    let today = own.calendar().today(act.now);
    let mut faults = document.check();
    faults.nest("", maximum::of_terms(document, &own.jurisdiction, today).err().unwrap_or_default());
    Ok(faults.or(())?)
}

fn add_version(act: &mut Act<'_>, of: &Terms, document: &Document) -> Result<TermsVersion> {
    let row = TermsVersion {
        tenant_id: act.tenant,
        terms_id: of.id,
        version: of.current_version,
        document: Json(document.clone()),
        created_at: Ts(act.wall),
    };
    store::terms::insert_version(act.conn, &row)?;
    Ok(row)
}

/// What is in force, to the byte.
fn digest(document: &Document) -> Result<String> {
    let text = serde_json::to_vec(document).map_err(Error::internal)?;
    Ok(HEXLOWER.encode(&sha256(&[&text])))
}
