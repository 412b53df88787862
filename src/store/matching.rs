//! Who may have paid: what a bank's lines quote, from whose account they come, and what is open of just their amount. A look-up reads what was asked for, never what is open.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, Queryable, QueryableByName, RunQueryDsl, Selectable, SelectableHelper,
    dsl::sql,
    pg::sql_types::Array,
    sql_query,
    sql_types::{BigInt, Bool, Date, Text},
};

use super::{
    Conn,
    customers::BATCH,
    direct_debits::DirectDebit,
    schema::{customers, direct_debits, invoices, payer_accounts},
    types::DbUuid,
};
use crate::{
    domain::{
        ids::{CustomerId, InvoiceId, TenantId},
        money::Currency,
    },
    error::{Error, Result},
};

/// An invoice with something left to pay, as a payer may name it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = invoices)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct OpenInvoice {
    pub id: InvoiceId,
    pub customer_id: CustomerId,
    pub number: String,
    pub structured_reference: Option<String>,
    pub currency: Currency,
    pub balance_minor: i64,
    pub bare_number: Option<String>,
    pub bare_reference: Option<String>,
}

/// The open invoices whose number or reference, spelt as [`bare`](crate::domain::import::matching::bare) does, is one of `names`.
pub fn quoted(conn: &mut Conn, tenant: TenantId, names: &[String]) -> Result<Vec<OpenInvoice>> {
    let query = |any: &str| {
        let one = |column: &str| {
            format!(
                "SELECT id, customer_id, number, structured_reference, currency, balance_minor, bare_number, bare_reference \
                 FROM invoices WHERE tenant_id = $1 AND {column} {any} AND status = 'open'"
            )
        };
        format!("{} UNION {}", one("bare_number"), one("bare_reference"))
    };
    Ok(match conn {
        _ if names.is_empty() => Vec::new(),
        Conn::Pg(pg) => sql_query(query("= ANY($2)")).bind::<DbUuid, _>(tenant).bind::<Array<Text>, _>(names).load(pg)?,
        Conn::Sqlite(sqlite) => {
            let list = serde_json::to_string(names).map_err(Error::internal)?;
            sql_query(query("IN (SELECT value FROM json_each($2))")).bind::<DbUuid, _>(tenant).bind::<Text, _>(list).load(sqlite)?
        }
    })
}

/// Open invoices of which just one of these amounts is left, the oldest `most` of each.
pub fn of_amounts(conn: &mut Conn, tenant: TenantId, amounts: &[(Currency, i64)], most: i64) -> Result<Vec<OpenInvoice>> {
    let open = invoices::table.select(OpenInvoice::as_select()).order(invoices::id.asc()).limit(most);
    Ok(match conn {
        _ if amounts.is_empty() => Vec::new(),
        Conn::Pg(pg) => sql_query(
            "SELECT found.* FROM unnest($2, $3) AS wanted (currency, amount) CROSS JOIN LATERAL (\
             SELECT id, customer_id, number, structured_reference, currency, balance_minor, bare_number, bare_reference FROM invoices i \
             WHERE i.tenant_id = $1 AND i.currency = wanted.currency AND i.balance_minor = wanted.amount AND i.status = 'open' \
             ORDER BY id LIMIT $4) AS found",
        )
        .bind::<DbUuid, _>(tenant)
        .bind::<Array<Text>, _>(amounts.iter().map(|(currency, _)| *currency).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(amounts.iter().map(|(_, amount)| *amount).collect::<Vec<_>>())
        .bind::<BigInt, _>(most)
        .load(pg)?,
        Conn::Sqlite(sqlite) => {
            let mut found = Vec::new();
            for (currency, amount) in amounts {
                let just = invoices::tenant_id.eq(tenant).and(invoices::currency.eq(*currency)).and(invoices::balance_minor.eq(*amount));
                found.extend(open.filter(just.and(sql::<Bool>("status = 'open'"))).load::<OpenInvoice>(sqlite)?);
            }
            found
        }
    })
}

/// For whom each of these accounts has paid before.
pub fn payers(conn: &mut Conn, tenant: TenantId, ibans: &[&str]) -> Result<HashMap<String, Vec<CustomerId>>> {
    let mut found = HashMap::<String, Vec<CustomerId>>::new();
    for part in ibans.chunks(BATCH) {
        let rows: Vec<(String, CustomerId)> = payer_accounts::table
            .filter(payer_accounts::tenant_id.eq(tenant).and(payer_accounts::iban.eq_any(part.to_vec())))
            .order((payer_accounts::iban.asc(), payer_accounts::customer_id.asc()))
            .select((payer_accounts::iban, payer_accounts::customer_id))
            .load(conn)?;
        rows.into_iter().for_each(|(iban, customer)| found.entry(iban).or_default().push(customer));
    }
    Ok(found)
}

/// Notes for whom accounts paid, and when last.
pub fn remember(conn: &mut Conn, tenant: TenantId, paid: &BTreeMap<(String, CustomerId), NaiveDate>) -> Result<()> {
    // In key order, so that two transactions cannot wait for each other.
    match conn {
        _ if paid.is_empty() => {}
        Conn::Pg(pg) => {
            sql_query(
                "INSERT INTO payer_accounts AS p (tenant_id, iban, customer_id, last_paid_on) SELECT $1, iban, customer_id, paid_on \
                 FROM unnest($2, $3, $4) AS paid (iban, customer_id, paid_on) \
                 ON CONFLICT (tenant_id, iban, customer_id) DO UPDATE SET last_paid_on = excluded.last_paid_on WHERE p.last_paid_on < excluded.last_paid_on",
            )
            .bind::<DbUuid, _>(tenant)
            .bind::<Array<Text>, _>(paid.keys().map(|(iban, _)| iban).collect::<Vec<_>>())
            .bind::<Array<DbUuid>, _>(paid.keys().map(|(_, customer)| *customer).collect::<Vec<_>>())
            .bind::<Array<Date>, _>(paid.values().collect::<Vec<_>>())
            .execute(pg)?;
        }
        Conn::Sqlite(sqlite) => {
            for ((iban, customer), paid_on) in paid {
                sql_query(
                    "INSERT INTO payer_accounts AS p (tenant_id, iban, customer_id, last_paid_on) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT (tenant_id, iban, customer_id) DO UPDATE SET last_paid_on = excluded.last_paid_on WHERE p.last_paid_on < excluded.last_paid_on",
                )
                .bind::<DbUuid, _>(tenant)
                .bind::<Text, _>(iban)
                .bind::<DbUuid, _>(*customer)
                .bind::<Date, _>(paid_on)
                .execute(sqlite)?;
            }
        }
    }
    Ok(())
}

/// The direct debits that were announced under these references.
pub fn announced(conn: &mut Conn, tenant: TenantId, references: &[&str]) -> Result<Vec<DirectDebit>> {
    let mut found = Vec::new();
    for part in references.chunks(BATCH) {
        let rows: Vec<DirectDebit> = direct_debits::table
            .filter(direct_debits::tenant_id.eq(tenant).and(direct_debits::reference.eq_any(part.to_vec())))
            .filter(sql::<Bool>("state = 'announced'"))
            .order(direct_debits::id.asc())
            .select(DirectDebit::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// The customers of these names, in whatever case; SQLite knows the case of ASCII letters alone.
pub fn of_names(conn: &mut Conn, tenant: TenantId, names: &[String]) -> Result<Vec<(CustomerId, String)>> {
    let mut found = Vec::new();
    for part in names.chunks(BATCH) {
        let rows: Vec<(CustomerId, String)> = customers::table
            .filter(customers::tenant_id.eq(tenant).and(sql::<Text>("lower(name)").eq_any(part.to_vec())))
            .order(customers::id.asc())
            .select((customers::id, customers::name))
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}
