//! Whether a reminder that was decided may still leave: what may silence it is weighed again, on facts that were read under the account's lock.

use chrono::{DateTime, NaiveDate, Utc};

use super::letter::address as postal_address;
use crate::{
    domain::{
        contact::Channel,
        dunning::{
            account::{InstalmentFacts, SilenceReason},
            reminder::ListedInstalment,
        },
        ids::ContactId,
    },
    store::{facts::Loaded, reminders::Reminder, tenants::Tenant},
};

/// What is still claimed and where it goes, or why the reminder must not leave.
pub fn claimed(
    loaded: &Loaded,
    reminder: &Reminder,
    tenant: &Tenant,
    now: DateTime<Utc>,
) -> Result<(Vec<ListedInstalment>, String), &'static str> {
    let lines = claims(loaded, reminder, tenant.calendar().today(now))?;
    Ok((lines, address(loaded, reminder.contact_id, reminder.channel).ok_or("no_recipient")?))
}

/// Where a message to a person goes on a channel; nowhere if the person cannot be reached on it. A letter may be to nobody in particular.
pub fn address(loaded: &Loaded, person: Option<ContactId>, channel: Channel) -> Option<String> {
    let contact = loaded.account.customer.contacts.iter().find(|contact| Some(contact.id) == person);
    let reachable = contact.filter(|contact| contact.reachable(channel));
    match channel {
        Channel::Letter => postal_address(loaded).filter(|_| person.is_none() || reachable.is_some()),
        Channel::Email => reachable?.email.as_ref().map(ToString::to_string),
        Channel::Sms | Channel::Call | Channel::Visit => reachable?.phone.as_ref().map(ToString::to_string),
    }
}

/// What a reminder still claims today, or why it claims nothing.
pub fn claims(loaded: &Loaded, reminder: &Reminder, today: NaiveDate) -> Result<Vec<ListedInstalment>, &'static str> {
    let account = &loaded.account;
    let open = |line: &ListedInstalment| account.instalments.iter().find(|one| one.id == line.instalment_id && claimable(one, today));
    let lines: Vec<ListedInstalment> = reminder
        .instalments
        .iter()
        .filter_map(|line| open(line).map(|one| ListedInstalment { claimed_minor: one.claimable_minor, ..line.clone() }))
        .collect();
    if !lines.iter().any(|line| line.instalment_id == reminder.carrying_instalment_id) {
        let carrying = account.instalments.iter().find(|one| one.id == reminder.carrying_instalment_id);
        return Err(carrying.map_or("settled", |one| silence(one, today).map_or("dispute", SilenceReason::as_str)));
    }
    let overdue = lines.iter().filter(|line| line.overdue).fold(0i64, |sum, line| sum.saturating_add(line.claimed_minor));
    if overdue > 0 && account.unallocated_minor >= overdue {
        return Err("unallocated_cash");
    }
    Ok(lines)
}

fn claimable(instalment: &InstalmentFacts, today: NaiveDate) -> bool {
    instalment.claimable_minor > 0 && silence(instalment, today).is_none()
}

/// Why an instalment is left in peace today.
fn silence(instalment: &InstalmentFacts, today: NaiveDate) -> Option<SilenceReason> {
    let lasting = instalment.silences.iter().find(|silence| silence.holds_on(today));
    lasting.map(|silence| silence.reason)
}
