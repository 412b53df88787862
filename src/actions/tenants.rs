//! Tenants: made by the platform, changed by the platform or by themselves.

use serde_json::json;

use super::Act;
use crate::{
    clock::Clock,
    domain::{
        access::{NewKey, Role, Scope},
        ids::{Mode, TenantId},
        invalid::Faults,
        tenant::{self, NewTenant, TenantChange, TenantSettings, TenantStatus},
    },
    error::Result,
    store::{self, Db, Json, Ts, keys::ApiKey, tenants::Tenant},
};

/// Makes a tenant: its live and its test partition, with the same identity, and a first key for each.
///
/// # Errors
/// Every broken rule of the input.
pub fn create(act: &mut Act<'_>, new: &NewTenant) -> Result<(Tenant, [(ApiKey, String); 2])> {
    let mut faults = tenant::check(Some(&new.time_zone), Some(&new.letterhead), Some(&new.working_time));
    faults.nest("", new.texts.check(new.letterhead.sms_sender.as_deref(), &new.jurisdiction));
    faults.or(())?;
    let live = row(TenantId::new(act.wall), new, act);
    let keys = [Mode::Live, Mode::Test].map(|mode| {
        let partition = Tenant { tenant_id: live.tenant_id.in_mode(mode), ..live.clone() };
        store::tenants::insert(act.conn, &partition)?;
        act.in_partition(partition.tenant_id, |act| {
            act.audit(
                "tenant.created",
                partition.tenant_id,
                json!({ "name": partition.name, "jurisdiction": partition.jurisdiction.as_str() }),
            );
            super::policies::install_builtins(act)?;
            if mode == Mode::Test {
                super::provider_accounts::install_sandbox(act)?;
            }
            let first = NewKey::in_role("first", Role::Owner);
            super::keys::mint(act, partition.tenant_id, &first)
        })
    });
    act.audit("tenant.created", live.tenant_id, json!({ "name": live.name }));
    let [live_key, test_key] = keys;
    Ok((live, [live_key?, test_key?]))
}

fn row(tenant_id: TenantId, new: &NewTenant, act: &Act<'_>) -> Tenant {
    Tenant {
        tenant_id,
        name: new.name.clone(),
        jurisdiction: new.jurisdiction.clone(),
        time_zone: new.time_zone.clone(),
        language: new.language,
        currency: new.currency,
        settings: Json(TenantSettings {
            letterhead: new.letterhead.clone(),
            working_time: new.working_time.clone(),
            concessions: new.concessions.clone(),
            texts: new.texts.clone(),
            ..TenantSettings::default()
        }),
        status: TenantStatus::Active,
        clock_at: None,
        clock_target: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    }
}

/// Changes the act's partition of a tenant.
///
/// # Errors
/// Every broken rule of the input.
pub fn change(act: &mut Act<'_>, change: &TenantChange) -> Result<Tenant> {
    let mut faults = tenant::check(change.time_zone.as_deref(), change.letterhead.as_ref(), change.working_time.as_ref());
    super::terms::check_usable(act, change.terms_id.new_value().copied(), &mut faults)?;
    if let Some(credit) = &change.credit {
        faults.nest("/credit", credit.check());
    }
    let old = store::tenants::find(act.conn, act.tenant)?;
    check_texts(&old, change, &mut faults);
    faults.or(())?;
    let countries = old.settings.texts.countries(&old.jurisdiction);
    let fields: Vec<String> = serde_json::to_value(change)
        .ok()
        .and_then(|value| value.as_object().cloned())
        .into_iter()
        .flatten()
        .filter(|(name, value)| !value.is_null() || name == "terms_id")
        .map(|(name, _)| name)
        .collect();
    let row = Tenant {
        name: change.name.clone().unwrap_or(old.name),
        jurisdiction: change.jurisdiction.clone().unwrap_or(old.jurisdiction),
        time_zone: change.time_zone.clone().unwrap_or(old.time_zone),
        language: change.language.unwrap_or(old.language),
        currency: change.currency.unwrap_or(old.currency),
        settings: Json(TenantSettings {
            letterhead: change.letterhead.clone().unwrap_or(old.settings.0.letterhead),
            working_time: change.working_time.clone().unwrap_or(old.settings.0.working_time),
            terms_id: change.terms_id.of(old.settings.0.terms_id.as_ref()),
            concessions: change.concessions.clone().unwrap_or(old.settings.0.concessions),
            credit: change.credit.clone().unwrap_or(old.settings.0.credit),
            texts: change.texts.clone().unwrap_or(old.settings.0.texts),
        }),
        status: change.status.unwrap_or(old.status),
        version: old.version.saturating_add(1),
        updated_at: Ts(act.wall),
        ..old
    };
    store::tenants::update(act.conn, &row)?;
    act.audit("tenant.changed", act.tenant, json!({ "fields": fields }));
    // Who can be reached by text has changed.
    if row.settings.texts.countries(&row.jurisdiction) != countries {
        for (customer, currency) in store::texts::accounts_with_numbers(act.conn, act.tenant)? {
            act.touch(customer, currency);
        }
    }
    Ok(row)
}

/// The settings of text messages, the sender's name and the jurisdiction belong together: whichever changes, all are looked at.
fn check_texts(old: &Tenant, change: &TenantChange, faults: &mut Faults) {
    if change.texts.is_none() && change.letterhead.is_none() && change.jurisdiction.is_none() {
        return;
    }
    let sender = change.letterhead.as_ref().map_or(&old.settings.letterhead.sms_sender, |letterhead| &letterhead.sms_sender);
    let texts = change.texts.as_ref().unwrap_or(&old.settings.texts);
    faults.nest("", texts.check(sender.as_deref(), change.jurisdiction.as_ref().unwrap_or(&old.jurisdiction)));
}

/// Gives a fresh installation its first platform key; `None` when it has one.
///
/// # Errors
/// The store's.
pub fn first_key(db: &Db, clock: &Clock) -> Result<Option<String>> {
    super::run_now(db, clock, TenantId::PLATFORM, super::SYSTEM, |act| {
        if store::keys::list(act.conn, TenantId::PLATFORM, None, 1)?.is_empty() {
            let new = NewKey::with_scopes("first", Scope::of_platform());
            super::keys::mint(act, TenantId::PLATFORM, &new).map(|(_, text)| Some(text))
        } else {
            Ok(None)
        }
    })
}
