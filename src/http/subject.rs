//! Conditional requests (RFC 9110, section 13): the entity tags of what is shown, and the subjects that a write can be held to.
//!
//! A tag is a digest of the representation: it changes with whatever a reader sees, and with nothing else. A write that carries `If-Match` is held to
//! it inside its own transaction, after the subject was locked; the document says which writes take it, and which cannot do without.
//!
//! Invariant: between the comparison and the commit nobody else changes what was compared.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web;
use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::Value;

use super::{
    State, connections, contract::Operation, credit, credit_decisions, credit_notes, customers, direct_debits, disputes, holds,
    identity_providers, import_mappings, imports, invoices, messages, payment_plans, payments, people, policies, promises,
    provider_accounts, reminders, tasks, templates, tenants, terms, webhooks,
};
use crate::{
    actions::Act,
    domain::{
        crypto::sha256,
        ids::{CustomerId, Id, Kind, TenantId, from_crockford},
        invalid::Faults,
        money::Currency,
    },
    error::{Error, Result},
    store::{self, Conn},
};

/// The bytes of a digest that make a tag: no two representations of a resource ever share them by chance.
const TAG_BYTES: usize = 16;
/// The letters that these bytes are written in.
const TAG_LETTERS: usize = 22;

/// The strong entity tag of a representation, in its quotes.
pub fn tag(body: &str) -> String {
    let digest = sha256(&[body.as_bytes()]);
    format!("\"{}\"", BASE64URL_NOPAD.encode(digest.get(..TAG_BYTES).unwrap_or(&digest)))
}

/// Whether a list of tags, or `*`, names this one. What a compressed answer's tag has behind it is no part of the representation.
pub fn names(list: &str, tag: &str, weak_will_do: bool) -> bool {
    let letters = tag.trim_matches('"');
    list.trim() == "*"
        || list.split(',').map(str::trim).any(|one| {
            let strong = if weak_will_do { one.strip_prefix("W/").unwrap_or(one) } else { one };
            strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).is_some_and(|given| {
                given
                    .split_at_checked(TAG_LETTERS)
                    .is_some_and(|(own, coding)| own == letters && (coding.is_empty() || coding.starts_with('-')))
            })
        })
}

/// One thing being looked at, within a transaction of the caller's tenant.
pub struct Look<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// Whose data.
    pub tenant: TenantId,
    /// The world's present.
    pub wall: DateTime<Utc>,
    /// What every handler can reach.
    pub state: &'a State,
    path: &'a Path,
}

/// The parts of a path that were filled in, decoded.
pub type Path = BTreeMap<String, String>;

impl<'a> Look<'a> {
    /// Looks at what `path` names.
    pub const fn new(conn: &'a mut Conn, tenant: TenantId, wall: DateTime<Utc>, state: &'a State, path: &'a Path) -> Self {
        Self { conn, tenant, wall, state, path }
    }

    /// The text named `name` in the path.
    ///
    /// # Errors
    /// When the route has no such part.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.path.get(name).map(String::as_str).ok_or(Error::NotFound("path"))
    }

    /// The id named `name` in the path.
    ///
    /// # Errors
    /// Another kind's id, or none.
    pub fn id<K: Kind>(&self, name: &str) -> Result<Id<K>> {
        let id = self.text(name)?.parse::<Id<K>>();
        id.map_err(|wrong| Error::Malformed(Faults::one("path", "wrong_id", wrong.to_string())))
    }
}

/// What is locked while a write is held to a tag.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// The account that the subject belongs to, which everything locks that moves money in it.
    Account,
    /// The subject's row in this table.
    Row(&'static str),
    /// The row of the customer that the subject is about.
    Customer,
    /// The caller's own row, so that held writes to subjects without one of their own come one after the other.
    Tenant,
}

/// A resource with an entity tag that writes can be held to.
pub struct Subject {
    /// Its path; whatever is written there or below is written to it.
    pub path: &'static str,
    /// Paths beside it whose writes change it.
    beside: &'static [&'static str],
    held: Held,
    current: fn(&mut Look<'_>) -> Result<String>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path)
    }
}

const fn of(path: &'static str, held: Held, current: fn(&mut Look<'_>) -> Result<String>) -> Subject {
    Subject { path, beside: &[], held, current }
}

/// Every subject. Of two whose paths fit, the longer one is meant.
const SUBJECTS: &[Subject] = &[
    of("/v1/connections/{connection_id}", Held::Row("connections"), |look| json(&connections::current(look)?)),
    of("/v1/credit-decisions/{credit_decision_id}", Held::Account, |look| json(&credit_decisions::current(look)?)),
    of("/v1/credit-notes/{credit_note_id}", Held::Account, |look| json(&credit_notes::current(look)?)),
    of("/v1/customers/by-external-id/{source}/{external_id}", Held::Row("customers"), |look| json(&customers::current_by_key(look)?)),
    of("/v1/customers/{customer_id}", Held::Row("customers"), |look| json(&customers::current(look)?)),
    Subject {
        path: "/v1/customers/{customer_id}/credit",
        beside: &["/v1/customers/{customer_id}/credit-limit"],
        held: Held::Customer,
        current: |look| json(&credit::current(look)?),
    },
    of("/v1/direct-debits/{direct_debit_id}", Held::Account, |look| json(&direct_debits::current(look)?)),
    of("/v1/disputes/{dispute_id}", Held::Row("disputes"), |look| json(&disputes::current(look)?)),
    of("/v1/guarantees/{guarantee_id}", Held::Row("guarantees"), |look| json(&credit::current_guarantee(look)?)),
    of("/v1/holds/{hold_id}", Held::Row("holds"), |look| json(&holds::current(look)?)),
    of("/v1/identity-providers/{identity_provider_id}", Held::Row("identity_providers"), |look| json(&identity_providers::current(look)?)),
    of("/v1/import-mappings/{mapping_name}", Held::Tenant, |look| json(&import_mappings::current(look)?)),
    of("/v1/imports/{import_id}", Held::Row("imports"), |look| json(&imports::current(look)?)),
    of("/v1/invoices/by-external-id/{source}/{external_id}", Held::Account, |look| json(&invoices::current_by_key(look)?)),
    of("/v1/invoices/{invoice_id}", Held::Account, |look| json(&invoices::current(look)?)),
    of("/v1/messages/{message_id}", Held::Row("messages"), |look| json(&messages::current(look)?)),
    of("/v1/payment-plans/{payment_plan_id}", Held::Account, |look| json(&payment_plans::current(look)?)),
    of("/v1/payments/{payment_id}", Held::Account, |look| json(&payments::current(look)?)),
    of("/v1/people/{person_id}", Held::Row("people"), |look| json(&people::current(look)?)),
    of("/v1/policies/{policy_id}", Held::Row("policies"), |look| json(&policies::current(look)?)),
    of("/v1/promises/{promise_id}", Held::Account, |look| json(&promises::current(look)?)),
    of("/v1/provider-accounts/{provider_account_id}", Held::Row("provider_accounts"), |look| json(&provider_accounts::current(look)?)),
    of("/v1/reminders/{reminder_id}", Held::Account, |look| json(&reminders::current(look)?)),
    of("/v1/tasks/{task_id}", Held::Row("tasks"), |look| json(&tasks::current(look)?)),
    of("/v1/templates/{key}", Held::Tenant, |look| json(&templates::current(look)?)),
    of("/v1/tenant", Held::Tenant, |look| json(&tenants::current_own(look)?)),
    of("/v1/tenants/{tenant_id}", Held::Tenant, |look| json(&tenants::current(look)?)),
    of("/v1/terms/{terms_id}", Held::Row("terms"), |look| json(&terms::current(look)?)),
    of("/v1/webhook-deliveries/{webhook_delivery_id}", Held::Row("webhook_deliveries"), |look| json(&webhooks::current_delivery(look)?)),
    of("/v1/webhook-endpoints/{webhook_endpoint_id}", Held::Row("webhook_endpoints"), |look| json(&webhooks::current(look)?)),
];

/// The subject of what is written at a path.
pub fn subject(path: &str) -> Option<&'static Subject> {
    let below = |whole: &str| path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    SUBJECTS.iter().filter(|one| below(one.path) || one.beside.contains(&path)).max_by_key(|one| one.path.len())
}

/// A representation as it is sent.
///
/// # Errors
/// None in practice.
pub fn json(view: &impl Serialize) -> Result<String> {
    serde_json::to_string(view).map_err(Error::internal)
}

/// What one write is held to.
pub struct Guard {
    subject: &'static Subject,
    wanted: Option<String>,
    creates: bool,
    path: Path,
    state: web::Data<State>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("subject", &self.subject).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl Guard {
    /// The guard of a request with this `If-Match`; `None` where there is nothing to hold it to.
    pub fn of(operation: &Operation, if_match: Option<&str>, path: &Path, state: &web::Data<State>) -> Option<Self> {
        let required = operation.conditional?;
        if if_match.is_none() && !required {
            return None;
        }
        let subject = subject(&operation.path)?;
        let creates = operation.method == "PUT" && operation.path == subject.path;
        Some(Self { subject, wanted: if_match.map(str::to_owned), creates, path: path.clone(), state: state.clone() })
    }

    /// Holds an act to it.
    ///
    /// # Errors
    /// `precondition_required` without a tag, `precondition_failed` with one that the subject no longer has, and what looking at it returns.
    pub fn hold(&self, act: &mut Act<'_>) -> Result<()> {
        let looked = self.look(act.conn, act.tenant, act.wall);
        let Some(wanted) = &self.wanted else {
            looked?;
            return Err(Error::conflict(
                "precondition_required",
                "send If-Match with the ETag of what you have read, or * to act on whatever is there",
            ));
        };
        let seen = match looked {
            Err(Error::NotFound(what)) if self.creates => {
                return Err(Error::conflict("precondition_failed", format!("there is no such {what} yet")));
            }
            seen => seen?,
        };
        if wanted.trim() == "*" {
            return Ok(());
        }
        let now = if self.lock(act, &seen)? { self.look(act.conn, act.tenant, act.wall)? } else { seen };
        if names(wanted, &tag(&now), false) {
            return Ok(());
        }
        Err(Error::conflict("precondition_failed", "it has changed since it was read, or it is not what was read; read it again"))
    }

    fn look(&self, conn: &mut Conn, tenant: TenantId, wall: DateTime<Utc>) -> Result<String> {
        (self.subject.current)(&mut Look::new(conn, tenant, wall, &self.state, &self.path))
    }

    /// Locks the subject; whether it can have changed meanwhile.
    fn lock(&self, act: &mut Act<'_>, seen: &str) -> Result<bool> {
        let seen: Value = serde_json::from_str(seen).map_err(Error::internal)?;
        let text = |name: &str| seen.get(name).and_then(Value::as_str);
        match self.subject.held {
            Held::Tenant => store::dialect::keep_tenant(act.conn, act.tenant),
            Held::Row(table) => keep(act, table, text("id")),
            Held::Customer => keep(act, "customers", text("customer_id")),
            Held::Account => {
                let customer = text("customer_id").and_then(|id| id.parse::<CustomerId>().ok());
                let Some(account) = customer.zip(text("currency").and_then(|code| code.parse::<Currency>().ok())) else { return Ok(false) };
                store::accounts::lock(act.conn, act.tenant, &BTreeSet::from([account]))?;
                Ok(true)
            }
        }
    }
}

fn keep(act: &mut Act<'_>, table: &'static str, id: Option<&str>) -> Result<bool> {
    let id = id.and_then(|id| from_crockford(id.rsplit_once('_')?.1));
    id.map_or(Ok(false), |id| store::dialect::keep_row(act.conn, table, act.tenant, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_behind_a_coding() {
        let own = tag("{}");
        assert_eq!((own.len(), own == tag("{ }")), (TAG_LETTERS + 2, false));
        let coded = own.replacen('"', "", 1).replace('"', "-gzip\"");
        for list in [own.clone(), format!("\"x\", {own}"), format!("\"{coded}"), "*".to_owned()] {
            assert!(names(&list, &own, false), "{list}");
        }
        assert!(names(&format!("W/{own}"), &own, true) && !names(&format!("W/{own}"), &own, false));
        for list in ["", "\"\"", "\"x\"", own.trim_matches('"'), &own.to_uppercase()] {
            assert!(!names(list, &own, true), "{list}");
        }
    }

    #[test]
    fn what_is_written_below_is_written_to_the_nearest() {
        let path = |path| subject(path).map(|one| one.path);
        assert_eq!(path("/v1/invoices/{invoice_id}/cancel"), Some("/v1/invoices/{invoice_id}"));
        assert_eq!(path("/v1/customers/{customer_id}/credit-limit"), Some("/v1/customers/{customer_id}/credit"));
        assert_eq!(path("/v1/customers/{customer_id}/watch"), Some("/v1/customers/{customer_id}"));
        assert_eq!(path("/v1/tenants/{tenant_id}"), Some("/v1/tenants/{tenant_id}"));
        assert_eq!((path("/v1/invoices"), path("/v1/tenants")), (None, None));
    }
}
