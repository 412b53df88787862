//! What a template sees of a real account: the creditor, the debtor, and what is open in one currency.
//!
//! Not here: what belongs to one reminder (its step's deadline, its promise, the links of its page), which whoever sends adds.

use chrono::NaiveDate;
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::{
    Conn, Ts,
    schema::{contacts, customers, instalments, invoices},
    tenants::Tenant,
};
use crate::{
    domain::{
        ids::{CustomerId, TenantId},
        locale::Language,
        money::{Currency, Money},
        template::facts::{Contact, Creditor, Customer, Facts, InvoiceLine, Previous, Step},
    },
    error::{Error, Result},
};

/// How many lines a letter shows at most.
const MAX_LINES: i64 = 200;

#[derive(Queryable)]
struct Open {
    number: String,
    issue_date: NaiveDate,
    due_date: NaiveDate,
    amount_minor: i64,
    balance_minor: i64,
    order_reference: Option<String>,
    payment_link: Option<String>,
    structured_reference: Option<String>,
    last_completed_at: Option<Ts>,
}

/// The facts of a customer's account in the currency of its oldest open instalment, as of `today` in the tenant's zone.
///
/// # Errors
/// No such customer.
pub fn gather(conn: &mut Conn, tenant: &Tenant, customer: CustomerId, language: Language, today: NaiveDate) -> Result<Facts> {
    let id = tenant.tenant_id;
    let (name, number): (String, Option<String>) = customers::table
        .filter(customers::tenant_id.eq(id).and(customers::id.eq(customer)))
        .select((customers::name, customers::number))
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("customer"))?;
    let contact: Option<String> = contacts::table
        .filter(contacts::tenant_id.eq(id).and(contacts::customer_id.eq(customer)))
        .order((contacts::is_primary.desc(), contacts::position.asc()))
        .select(contacts::name)
        .first(conn)
        .optional()?;
    let currency = oldest_currency(conn, id, customer)?.unwrap_or(tenant.currency);
    let open = open_lines(conn, id, customer, currency)?;
    let sum = |late_only: bool| {
        open.iter()
            .filter(|line| !late_only || line.due_date < today)
            .try_fold(Money::new(0, currency), |sum, line| sum.checked_add(Money::new(line.balance_minor, currency)))
            .ok_or_else(|| Error::internal("the open total exceeds what money can hold"))
    };
    let previous = open.iter().filter_map(|line| line.last_completed_at).max();
    Ok(Facts {
        creditor: Creditor::of(&tenant.name, &tenant.settings.letterhead),
        contact: Contact { name: contact.unwrap_or_else(|| name.clone()), first_name: None },
        customer: Customer { name, number },
        total: sum(false)?,
        overdue_total: sum(true)?,
        currency,
        step: Step { key: "preview".to_owned(), number: 1 },
        previous: previous.map(|at| Previous { sent_on: at.with_timezone(&tenant.zone()).date_naive() }),
        promise: None,
        deadline: None,
        payment_link: match open.as_slice() {
            [only] => only.payment_link.clone(),
            _ => None,
        },
        unsubscribe_link: None,
        today,
        late_count: u32::try_from(open.iter().filter(|line| line.due_date < today).count()).unwrap_or(u32::MAX),
        language,
        invoices: open.into_iter().map(|open| line(open, currency, today)).collect(),
    })
}

fn oldest_currency(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<Option<Currency>> {
    Ok(instalments::table
        .filter(instalments::tenant_id.eq(tenant).and(instalments::customer_id.eq(customer)).and(instalments::balance_minor.gt(0)))
        .order((instalments::due_date.asc(), instalments::id.asc()))
        .select(instalments::currency)
        .first(conn)
        .optional()?)
}

fn open_lines(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<Vec<Open>> {
    let of_invoice = invoices::tenant_id.eq(instalments::tenant_id).and(invoices::id.eq(instalments::invoice_id));
    let account = instalments::customer_id.eq(customer).and(instalments::currency.eq(currency));
    Ok(instalments::table
        .inner_join(invoices::table.on(of_invoice))
        .filter(instalments::tenant_id.eq(tenant).and(account).and(instalments::balance_minor.gt(0)))
        .order((instalments::due_date.asc(), instalments::id.asc()))
        .select((
            invoices::number,
            invoices::issue_date,
            instalments::due_date,
            instalments::amount_minor,
            instalments::balance_minor,
            invoices::order_reference,
            invoices::payment_link,
            invoices::structured_reference,
            instalments::last_completed_at,
        ))
        .limit(MAX_LINES)
        .load(conn)?)
}

fn line(open: Open, currency: Currency, today: NaiveDate) -> InvoiceLine {
    InvoiceLine {
        number: open.number,
        issue_date: open.issue_date,
        due_date: open.due_date,
        days_late: today.signed_duration_since(open.due_date).num_days(),
        amount: Money::new(open.amount_minor, currency),
        balance: Money::new(open.balance_minor, currency),
        order_reference: open.order_reference,
        payment_link: open.payment_link,
        structured_reference: open.structured_reference,
    }
}
