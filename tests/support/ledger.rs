//! Rows of the ledger, put straight into the tables: debtors, what they owe, and where their accounts stand.

use diesel::{RunQueryDsl, sql_query};
use relance::{
    domain::ids::{CustomerId, Id, Kind, Mode, PolicyId, TenantId},
    error::Error,
    store::Conn,
};

use super::{App, Tenant, start_time};

/// A debtor with one contact.
pub struct Debtor {
    pub partition: TenantId,
    pub id: CustomerId,
}

fn run(app: &App, partition: TenantId, sql: impl Fn(&Words) -> String) {
    app.db
        .write_now(partition, |conn| {
            let words = Words { postgres: matches!(conn, Conn::Pg(_)) };
            sql_query(sql(&words)).execute(conn).map(drop).map_err(Error::internal)
        })
        .unwrap();
}

/// Literals of the database at hand.
struct Words {
    postgres: bool,
}

impl Words {
    fn uuid(&self, uuid: uuid::Uuid) -> String {
        if self.postgres { format!("'{uuid}'") } else { format!("x'{}'", uuid.simple()) }
    }
    fn id<K: Kind>(&self, id: Id<K>) -> String {
        self.uuid(id.uuid())
    }
    fn now(&self) -> String {
        if self.postgres { format!("'{}'", start_time().to_rfc3339()) } else { start_time().timestamp_micros().to_string() }
    }
}

pub fn partition(tenant: &Tenant, mode: Mode) -> TenantId {
    tenant.id.parse::<TenantId>().unwrap().in_mode(mode)
}

/// A business with one contact, in `mode`.
pub fn debtor(app: &App, tenant: &Tenant, mode: Mode, email: &str, phone: &str) -> Debtor {
    let (partition, id) = (partition(tenant, mode), CustomerId::new(start_time()));
    run(app, partition, |w| {
        format!(
            "INSERT INTO customers (tenant_id, id, name, name_key, kind, jurisdiction, identifiers, address, metadata, version, created_at, updated_at) \
             VALUES ({}, {}, 'Dupont SARL', 'dupont sarl', 'business', 'FR', '{{}}', '{{}}', '{{}}', 1, {now}, {now})",
            w.uuid(partition.uuid()),
            w.id(id),
            now = w.now()
        )
    });
    run(app, partition, |w| {
        format!(
            "INSERT INTO contacts (tenant_id, id, customer_id, position, is_primary, name, email, phone, opted_out, created_at, updated_at) \
             VALUES ({}, {}, {}, 0, TRUE, 'Camille Dupont', '{email}', '{phone}', '[]', {now}, {now})",
            w.uuid(partition.uuid()),
            w.id(Id::<relance::domain::ids::Contact>::new(start_time())),
            w.id(id),
            now = w.now()
        )
    });
    Debtor { partition, id }
}

impl Debtor {
    /// An account in euros that sleeps, perhaps on a version of a policy.
    pub fn account(&self, app: &App, policy: Option<(PolicyId, i32)>) {
        run(app, self.partition, |w| {
            let (policy, version) = policy.map_or(("NULL".to_owned(), "NULL".to_owned()), |(id, version)| (w.id(id), version.to_string()));
            let (tenant, customer) = (w.uuid(self.partition.uuid()), w.id(self.id));
            format!(
                "INSERT INTO accounts (tenant_id, customer_id, currency, policy_id, policy_version) VALUES ({tenant}, {customer}, 'EUR', {policy}, {version})"
            )
        });
    }

    /// The account in euros.
    pub fn standing(&self, app: &App) -> relance::store::accounts::Account {
        let found = app.db.read_now(self.partition, |conn| {
            relance::store::accounts::find(conn, self.partition, self.id, relance::domain::money::Currency::EUR)
        });
        found.unwrap().unwrap()
    }

    /// One invoice of 120.00 euros, of which 100.00 are open since 20 February 2026.
    pub fn invoice(&self, app: &App, number: &str) {
        let invoice = Id::<relance::domain::ids::Invoice>::new(start_time());
        run(app, self.partition, |w| {
            format!(
                "INSERT INTO invoices (tenant_id, id, customer_id, number, kind, status, issue_date, currency, total_minor, balance_minor, metadata, version, \
                 created_at, updated_at) VALUES ({}, {}, {}, '{number}', 'invoice', 'open', '2026-01-20', 'EUR', 12000, 10000, '{{}}', 1, {now}, {now})",
                w.uuid(self.partition.uuid()),
                w.id(invoice),
                w.id(self.id),
                now = w.now()
            )
        });
        run(app, self.partition, |w| {
            format!(
                "INSERT INTO instalments (tenant_id, id, invoice_id, customer_id, currency, position, due_date, amount_minor, balance_minor) \
                 VALUES ({}, {}, {}, {}, 'EUR', 0, '2026-02-20', 12000, 10000)",
                w.uuid(self.partition.uuid()),
                w.id(Id::<relance::domain::ids::Instalment>::new(start_time())),
                w.id(invoice),
                w.id(self.id)
            )
        });
    }

    /// Puts the customer under a policy by name.
    pub fn assign(&self, app: &App, policy: PolicyId) {
        run(app, self.partition, |w| {
            let (tenant, customer) = (w.uuid(self.partition.uuid()), w.id(self.id));
            format!("UPDATE customers SET policy_id = {} WHERE tenant_id = {tenant} AND id = {customer}", w.id(policy))
        });
    }
}

/// The journal of a partition: kind, subject and body of each entry.
pub fn journal(app: &App, partition: TenantId) -> Vec<(String, String, String)> {
    let entries =
        app.db.read_now(partition, |conn| relance::store::evidence::list(conn, partition, &Default::default(), None, 500)).unwrap();
    entries.into_iter().map(|placed| (placed.entry.kind, placed.entry.subject, placed.entry.body.to_string())).collect()
}
