//! Accounts at providers: made, changed, given other credentials, put out of use.
//!
//! What the kinds mean and which settings they need is checked before, where providers are known. Invariant: credentials enter the store
//! sealed for just this account; a receipt token enters it as a digest; neither enters the journal.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Act;
use crate::{
    domain::{
        contact::Channel,
        ids::ProviderAccountId,
        invalid::Faults,
        key::{NewToken, Purpose},
        provider::ProviderAccountState,
        texts::sender_faults,
        vault::Vault,
    },
    error::{Error, Result},
    store::{self, Json, Ts, provider_accounts::ProviderAccount},
};

/// How many accounts a tenant may have; each message looks at all of them.
const MAX_ACCOUNTS: i64 = 50;

/// An account to make, its settings and credentials checked.
#[derive(Clone)]
pub struct NewAccount {
    /// How people call it.
    pub name: String,
    /// Which provider.
    pub kind: String,
    /// What it is used for.
    pub channels: BTreeSet<Channel>,
    /// As the provider's adapter reads them.
    pub settings: Value,
    /// As the provider's adapter reads them: JSON.
    pub credentials: Option<Vec<u8>>,
    /// The lowest is tried first.
    pub priority: i32,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What is to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// How people call it.
    pub name: Option<String>,
    /// What it is used for.
    pub channels: Option<BTreeSet<Channel>>,
    /// As the provider's adapter reads them, of the same kind.
    pub settings: Option<Value>,
    /// The lowest is tried first.
    pub priority: Option<i32>,
}

/// Makes an account, and the token of its receipt path, which is returned this once.
///
/// # Errors
/// Too many accounts.
pub fn create(act: &mut Act<'_>, vault: &Vault, new: NewAccount) -> Result<(ProviderAccount, String)> {
    if store::provider_accounts::count(act.conn, act.tenant)? >= MAX_ACCOUNTS {
        return Err(Error::conflict("limit_reached", format!("a tenant can have {MAX_ACCOUNTS} provider accounts; change one")));
    }
    check_sender(act, &new.channels, &new.settings)?;
    let id = ProviderAccountId::new(act.wall);
    let credentials = new.credentials.as_deref().map(|plain| seal(act, vault, id, plain)).transpose()?;
    insert(act, id, credentials, new)
}

/// Gives a new test partition the one provider that it can use.
///
/// # Errors
/// The store's.
pub fn install_sandbox(act: &mut Act<'_>) -> Result<()> {
    let sandbox = NewAccount {
        name: "Sandbox".to_owned(),
        kind: "sandbox".to_owned(),
        channels: BTreeSet::from([Channel::Email, Channel::Sms]),
        settings: json!({ "kind": "sandbox" }),
        credentials: None,
        priority: 100,
    };
    // Nobody posts receipts for the sandbox: it reports to itself.
    insert(act, ProviderAccountId::new(act.wall), None, sandbox).map(drop)
}

fn insert(act: &mut Act<'_>, id: ProviderAccountId, credentials: Option<Vec<u8>>, new: NewAccount) -> Result<(ProviderAccount, String)> {
    let inbound = NewToken::generate(Purpose::Inbound, act.tenant).map_err(Error::internal)?;
    let row = ProviderAccount {
        tenant_id: act.tenant,
        id,
        name: new.name,
        kind: new.kind,
        channels: Json(new.channels),
        settings: Json(new.settings),
        credentials,
        priority: new.priority,
        state: ProviderAccountState::Active,
        inbound_digest: inbound.token.digest.to_vec(),
        last_error: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
    };
    store::provider_accounts::insert(act.conn, &row)?;
    act.audit("provider_account.created", id, json!({ "kind": row.kind, "channels": row.channels.0, "priority": row.priority }));
    Ok((row, inbound.reveal().to_owned()))
}

/// Changes an account.
///
/// # Errors
/// A name as sender of text messages that does not pass.
pub fn change(act: &mut Act<'_>, old: ProviderAccount, change: AccountChange) -> Result<ProviderAccount> {
    if change.settings.is_some() || change.channels.is_some() {
        check_sender(act, change.channels.as_ref().unwrap_or(&old.channels), change.settings.as_ref().unwrap_or(&old.settings))?;
    }
    let fields: Vec<&str> = [
        ("name", change.name.is_some()),
        ("channels", change.channels.is_some()),
        ("settings", change.settings.is_some()),
        ("priority", change.priority.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect();
    let row = ProviderAccount {
        name: change.name.unwrap_or(old.name),
        channels: change.channels.map_or(old.channels, Json),
        settings: change.settings.map_or(old.settings, Json),
        priority: change.priority.unwrap_or(old.priority),
        ..old
    };
    let row = save(act, row)?;
    act.audit("provider_account.changed", row.id, json!({ "fields": fields }));
    Ok(row)
}

/// Gives an account other credentials; the former ones are gone.
///
/// # Errors
/// The store's.
pub fn rotate_credentials(act: &mut Act<'_>, vault: &Vault, old: ProviderAccount, plain: &[u8]) -> Result<ProviderAccount> {
    let credentials = seal(act, vault, old.id, plain)?;
    let row = save(act, ProviderAccount { credentials: Some(credentials), last_error: None, ..old })?;
    act.audit("provider_account.credentials_rotated", row.id, json!({}));
    Ok(row)
}

/// Puts an account in or out of use; again is no error.
///
/// # Errors
/// No such account.
pub fn set_state(act: &mut Act<'_>, id: ProviderAccountId, state: ProviderAccountState) -> Result<ProviderAccount> {
    let old = store::provider_accounts::find(act.conn, act.tenant, id)?;
    if old.state == state {
        return Ok(old);
    }
    let kind = match state {
        ProviderAccountState::Active => "provider_account.enabled",
        ProviderAccountState::Disabled => "provider_account.disabled",
    };
    let row = save(act, ProviderAccount { state, last_error: None, ..old })?;
    act.audit(kind, id, json!({}));
    Ok(row)
}

/// Holds the name that an account's text messages come from, under whichever of the providers' words for it, to the customs of the countries that are written to.
fn check_sender(act: &mut Act<'_>, channels: &BTreeSet<Channel>, settings: &Value) -> Result<()> {
    if !channels.contains(&Channel::Sms) {
        return Ok(());
    }
    let tenant = store::tenants::find(act.conn, act.tenant)?;
    let texts = &tenant.settings.texts;
    let mut faults = Faults::none();
    for word in ["from", "sender", "originator"] {
        if let Some(sender) = settings.get(word).and_then(Value::as_str) {
            let found = sender_faults(sender, &texts.countries(&tenant.jurisdiction), &texts.sender_registered_in);
            faults.nest(&format!("/settings/{word}"), found);
        }
    }
    Ok(faults.or(())?)
}

fn save(act: &mut Act<'_>, row: ProviderAccount) -> Result<ProviderAccount> {
    let row = ProviderAccount { version: row.version.saturating_add(1), updated_at: Ts(act.wall), ..row };
    store::provider_accounts::update(act.conn, &row)?;
    Ok(row)
}

fn seal(act: &Act<'_>, vault: &Vault, id: ProviderAccountId, plain: &[u8]) -> Result<Vec<u8>> {
    vault.seal(&ProviderAccount::place(act.tenant, id), plain).map_err(Error::internal)
}
