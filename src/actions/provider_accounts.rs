//! Accounts at providers: made, changed, given other credentials, put out of use.
//!
//! What the kinds mean and which settings they need is checked before, where providers are known. Invariant: credentials enter the store
//! sealed for just this account; so does the token of its receipt path, beside a digest to find it by; none of it enters the journal.

use std::collections::BTreeSet;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Act;
use crate::{
    domain::{
        contact::Channel,
        ids::ProviderAccountId,
        invalid::Faults,
        key::{NewToken, Purpose},
        provider::{CheckResult, ProviderAccountState},
        suppression::Address,
        texts::sender_faults,
        vault::Vault,
    },
    error::{Error, Result},
    store::{self, Json, Ts, provider_accounts::ProviderAccount},
};

/// How many accounts a tenant may have; each message looks at all of them.
const MAX_ACCOUNTS: i64 = 50;
/// For how long a former receipt path is honoured.
pub const FORMER_PATH: TimeDelta = TimeDelta::days(7);
/// How many test messages an account sends in an hour.
const TESTS_AN_HOUR: i32 = 10;

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
    /// How it is used beside others, and how much it bears.
    pub usage: Usage,
}

/// How an account is used beside others of its priority, and how much it bears.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Its share among accounts of the same priority.
    pub weight: i32,
    /// Calls a second.
    pub rate_per_second: i32,
    /// Calls under way at once.
    pub concurrency: i32,
}

impl Default for Usage {
    fn default() -> Self {
        Self { weight: 1, rate_per_second: 100, concurrency: 32 }
    }
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
    /// Its share among accounts of the same priority.
    pub weight: Option<i32>,
    /// Calls a second.
    pub rate_per_second: Option<i32>,
    /// Calls under way at once.
    pub concurrency: Option<i32>,
}

/// Makes an account, and the token of its receipt path.
///
/// # Errors
/// Too many accounts.
pub fn create(act: &mut Act<'_>, vault: &Vault, new: NewAccount) -> Result<ProviderAccount> {
    if store::provider_accounts::count(act.conn, act.tenant)? >= MAX_ACCOUNTS {
        return Err(Error::conflict("limit_reached", format!("a tenant can have {MAX_ACCOUNTS} provider accounts; change one")));
    }
    check_sender(act, &new.channels, &new.settings)?;
    let id = ProviderAccountId::new(act.wall);
    let credentials = new.credentials.as_deref().map(|plain| seal(act, vault, id, plain)).transpose()?;
    let path = Path::fresh(act, Some(vault), id)?;
    insert(act, id, credentials, path, new)
}

/// The path where receipts are taken, as it is kept.
struct Path {
    digest: Vec<u8>,
    sealed: Option<Vec<u8>>,
}

impl Path {
    fn fresh(act: &Act<'_>, vault: Option<&Vault>, id: ProviderAccountId) -> Result<Self> {
        let new = NewToken::generate(Purpose::Inbound, act.tenant).map_err(Error::internal)?;
        let place = ProviderAccount::inbound_place(act.tenant, id);
        let sealed = vault.map(|vault| vault.seal(&place, new.reveal().as_bytes())).transpose().map_err(Error::internal)?;
        Ok(Self { digest: new.token.digest.to_vec(), sealed })
    }
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
        usage: Usage::default(),
    };
    let id = ProviderAccountId::new(act.wall);
    // Nobody posts receipts for the sandbox: it reports to itself, and its path is not kept.
    let path = Path::fresh(act, None, id)?;
    insert(act, id, None, path, sandbox).map(drop)
}

fn insert(act: &mut Act<'_>, id: ProviderAccountId, credentials: Option<Vec<u8>>, path: Path, new: NewAccount) -> Result<ProviderAccount> {
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
        inbound_digest: path.digest,
        last_error: None,
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        weight: new.usage.weight,
        rate_per_second: new.usage.rate_per_second,
        concurrency: new.usage.concurrency,
        inbound_token: path.sealed,
        former_inbound_digest: None,
        former_inbound_until: None,
        failing_since: None,
        paused_until: None,
        checked_at: None,
        check_result: None,
        test_hour: None,
        test_count: 0,
    };
    store::provider_accounts::insert(act.conn, &row)?;
    act.audit("provider_account.created", id, json!({ "kind": row.kind, "channels": row.channels.0, "priority": row.priority }));
    Ok(row)
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
        ("weight", change.weight.is_some()),
        ("rate_per_second", change.rate_per_second.is_some()),
        ("concurrency", change.concurrency.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect();
    let row = ProviderAccount {
        name: change.name.unwrap_or(old.name),
        channels: change.channels.map_or(old.channels, Json),
        settings: change.settings.map_or(old.settings, Json),
        priority: change.priority.unwrap_or(old.priority),
        weight: change.weight.unwrap_or(old.weight),
        rate_per_second: change.rate_per_second.unwrap_or(old.rate_per_second),
        concurrency: change.concurrency.unwrap_or(old.concurrency),
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

/// Gives the receipts of an account another path; the former one is honoured for [`FORMER_PATH`].
///
/// # Errors
/// The store's.
pub fn rotate_receipt_path(act: &mut Act<'_>, vault: &Vault, id: ProviderAccountId) -> Result<ProviderAccount> {
    let old = store::provider_accounts::find(act.conn, act.tenant, id)?;
    let path = Path::fresh(act, Some(vault), id)?;
    let row = ProviderAccount {
        former_inbound_digest: Some(old.inbound_digest.clone()),
        former_inbound_until: Some(Ts(act.wall + FORMER_PATH)),
        inbound_digest: path.digest,
        inbound_token: path.sealed,
        ..old
    };
    let row = save(act, row)?;
    act.audit("provider_account.receipt_url_rotated", id, json!({"former_until": row.former_inbound_until.map(|at| at.0)}));
    Ok(row)
}

/// Notes what a provider said of an account that it was asked about; a check is no act that needs a witness.
///
/// # Errors
/// No such account.
pub fn checked(act: &mut Act<'_>, id: ProviderAccountId, result: CheckResult, detail: Option<&str>) -> Result<ProviderAccount> {
    let old = store::provider_accounts::find(act.conn, act.tenant, id)?;
    let error = match result {
        CheckResult::Fine => None,
        CheckResult::Refused => detail,
        CheckResult::Unreachable | CheckResult::NotOffered => old.last_error.as_deref(),
    };
    store::provider_accounts::checked(act.conn, act.tenant, id, act.wall, result, error)?;
    store::provider_accounts::find(act.conn, act.tenant, id)
}

/// Counts a test message and leaves word of it, before it is sent.
///
/// # Errors
/// `suppressed` for an address that must not be written to; `hourly_limit` when the account has sent its share of this hour.
pub fn test_message(act: &mut Act<'_>, id: ProviderAccountId, channel: Channel, to: &str) -> Result<ProviderAccount> {
    let account = store::provider_accounts::find(act.conn, act.tenant, id)?;
    let address = Address::read(channel, to)?;
    if store::suppressions::in_force(act.conn, act.tenant, channel, &address)?.is_some() {
        return Err(Error::conflict("suppressed", "this address must not be written to; lift its suppression first, or take another"));
    }
    let hour = act.wall.duration_trunc(TimeDelta::hours(1)).map_err(Error::internal)?;
    if !store::provider_accounts::count_test(act.conn, act.tenant, id, hour, TESTS_AN_HOUR)? {
        return Err(Error::conflict(
            "hourly_limit",
            format!("an account sends {TESTS_AN_HOUR} test messages an hour; wait for the next one"),
        ));
    }
    act.audit_personal("provider_account.test_message", id, json!({ "channel": channel }), vec![("address", to.to_owned())]);
    Ok(account)
}

/// How an account fares after some calls.
#[derive(Debug, Clone)]
pub struct Fare {
    /// Which.
    pub account: ProviderAccountId,
    /// Whether so many calls failed that it is only tried now and then.
    pub failing: bool,
    /// Until when it is left alone.
    pub paused_until: Option<DateTime<Utc>>,
    /// Whether a message was taken.
    pub worked: bool,
    /// What spoke against the account last.
    pub error: Option<String>,
}

impl Fare {
    /// Whether the account's record says something else.
    pub fn is_news_to(&self, account: &ProviderAccount) -> bool {
        let told = |row: &ProviderAccount| (row.failing_since, row.paused_until, row.last_error.clone());
        told(&self.after(account)) != told(account)
    }

    /// The record with this in it, except for the moment at which a failing began.
    fn after(&self, account: &ProviderAccount) -> ProviderAccount {
        let recovered = !self.failing && self.worked;
        let failing_since = match (self.failing, account.failing_since) {
            (true, None) => Some(account.updated_at),
            (_, since) => since.filter(|_| !recovered),
        };
        let paused_until = self.paused_until.map(Ts).filter(|_| self.failing);
        let last_error = self.error.clone().or_else(|| account.last_error.clone().filter(|_| !recovered));
        ProviderAccount { failing_since, paused_until, last_error, ..account.clone() }
    }
}

/// Writes how accounts fare, and leaves word of those that began to fail or recovered.
///
/// # Errors
/// The store's.
pub fn fare(act: &mut Act<'_>, fares: &[Fare]) -> Result<()> {
    for fare in fares {
        let old = store::provider_accounts::find(act.conn, act.tenant, fare.account)?;
        let mut row = fare.after(&old);
        let (was_failing, is_failing) = (old.failing_since.is_some(), row.failing_since.is_some());
        let (begins, ends) = (is_failing && !was_failing, was_failing && !is_failing);
        if begins {
            row.failing_since = Some(Ts(act.now));
        }
        // Another dispatcher may have seen the same.
        if !fare.is_news_to(&old) || !store::provider_accounts::fares(act.conn, &old, &row)? {
            continue;
        }
        if begins {
            act.witness("provider_account.failing", old.id, json!({"paused_until": fare.paused_until}));
        } else if ends {
            act.witness("provider_account.recovered", old.id, json!({"failing_since": old.failing_since.map(|at| at.0)}));
        }
    }
    Ok(())
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
