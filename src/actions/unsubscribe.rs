//! A recipient stops messages of one channel to one address, by the link in a message.

use serde_json::json;

use super::{Act, suppressions, tasks};
use crate::{
    domain::{
        delivery::SuppressionReason,
        ids::{MessageId, TenantId},
        locale::Language,
        suppression::Address,
    },
    error::{Error, Result},
    store::{self, Conn, messages::Message, tenants::Tenant},
};

/// What the page behind the link shows.
#[derive(Debug)]
pub struct Subject {
    /// Who wrote.
    pub tenant: Tenant,
    /// What was written, and where to.
    pub message: Message,
    /// The recipient's language, as far as it is spoken; else the tenant's.
    pub language: Language,
}

/// Whom a link concerns. Only reads.
///
/// # Errors
/// No such message.
pub fn subject(conn: &mut Conn, tenant: TenantId, id: MessageId) -> Result<Subject> {
    let message = store::messages::find(conn, tenant, id)?;
    let tenant = store::tenants::find(conn, tenant)?;
    let person = match message.contact_id {
        Some(contact) => {
            known(store::contacts::find(conn, tenant.tenant_id, message.customer_id, contact))?.and_then(|contact| contact.language)
        }
        None => None,
    };
    let customer = store::customers::find(conn, tenant.tenant_id, message.customer_id)?.language;
    let language = person.or(customer).unwrap_or(tenant.language);
    Ok(Subject { tenant, message, language })
}

/// A contact may have been removed since it was written to.
fn known<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Suppresses the address of a message on its channel, and has a person look at who can be written to instead. Again, it changes nothing.
///
/// # Errors
/// No such message.
pub fn unsubscribe(act: &mut Act<'_>, id: MessageId) -> Result<()> {
    let message = store::messages::find(act.conn, act.tenant, id)?;
    let address = Address::read(message.channel, &message.address)?;
    if store::suppressions::is_suppressed(act.conn, act.tenant, message.channel, &address)? {
        return Ok(());
    }
    suppressions::suppress(act, message.channel, &address, SuppressionReason::Unsubscribed, "unsubscribe link")?;
    act.witness("message.unsubscribed", id, json!({"channel": message.channel, "customer_id": message.customer_id}));
    if let Some(reminder) = message.reminder_id {
        let reminder = store::reminders::find(act.conn, act.tenant, reminder)?;
        tasks::review(act, reminder.customer_id, reminder.currency, Some(reminder.id), SuppressionReason::Unsubscribed.as_str())?;
    }
    Ok(())
}
