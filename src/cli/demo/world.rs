//! The two creditors of the demonstration, their customers and invoices, and what happens to them day by day.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use fastrand::Rng;
use serde_json::json;

use super::{agreements::Agreements, payers::Payer};
use crate::{
    actions::{self, Act, put::IfKnown},
    domain::{
        calendar::local,
        dunning::reminder::ReminderState,
        ids::{CustomerId, Mode, ReminderId, TenantId},
        ledger::settlement::{NewPayment, NewSettlement},
        tenant::NewTenant,
    },
    error::{Error, Result},
    instance::Instance,
    store,
};

/// A creditor and what the generator knows of its debtors.
#[derive(Debug)]
pub struct Creditor {
    /// Its name.
    pub name: String,
    /// Its test partition.
    pub partition: TenantId,
    /// Its clock's zone.
    pub zone: Tz,
    /// A test key with every scope.
    pub key: String,
    /// Every invoice, issued or to come.
    pub invoices: Vec<Sale>,
    /// What was agreed, contested and decided on the way.
    pub agreements: Agreements,
    /// In the order in which they were drawn, which their ids do not tell.
    pub(super) debtors: Vec<(CustomerId, Payer)>,
    seen: Option<ReminderId>,
    pub(super) rng: Rng,
}

/// An invoice in the generator's eyes.
#[derive(Debug, Clone)]
pub struct Sale {
    /// Who owes it.
    pub customer: CustomerId,
    /// Its number.
    pub number: String,
    /// When it is issued.
    pub issued: NaiveDate,
    /// When it is due.
    pub due: NaiveDate,
    /// In cents.
    pub cents: i64,
    /// Interest and fixed sum that were charged on it, in cents: paid with it.
    pub charged: i64,
    /// What was given up of it, in cents.
    pub credited: i64,
    /// When it would be paid without a word.
    pub unprompted: Option<NaiveDate>,
    /// When it will be paid, or was.
    pub pays_on: Option<NaiveDate>,
    /// Whether it was.
    pub paid: bool,
}

const FIRST: [&str; 20] = [
    "Atelier",
    "Garage",
    "Boulangerie",
    "Menuiserie",
    "Transports",
    "Imprimerie",
    "Studio",
    "Cabinet",
    "Maison",
    "Jardins",
    "Brasserie",
    "Électricité",
    "Plomberie",
    "Librairie",
    "Pharmacie",
    "Optique",
    "Fournil",
    "Domaine",
    "Carrosserie",
    "Textiles",
];
const SECOND: [&str; 20] = [
    "Lambert",
    "Peeters",
    "Moreau",
    "Janssens",
    "Garnier",
    "Maes",
    "Rousseau",
    "Claes",
    "Fontaine",
    "Wouters",
    "Chevalier",
    "Goossens",
    "Lemaire",
    "De Smet",
    "Renard",
    "Martens",
    "Dubois",
    "Leclercq",
    "Vermeulen",
    "Simon",
];

/// Makes both creditors with everything that will happen to them.
pub async fn create(instance: &Arc<Instance>, seed: u64, first: NaiveDate, days: u32) -> Result<Vec<Creditor>> {
    let french = json!({"name": "Papeterie des Halles", "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR",
        "letterhead": {"address": ["14 rue Montorgueil", "75001 Paris"], "email": "compta@papeterie.example", "phone": "+33142361234",
            "registration": "RCS Paris 732 829 320", "bank": {"holder": "Papeterie des Halles", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}}});
    let belgian = json!({"name": "Drukkerij Van Damme", "jurisdiction": "BE", "time_zone": "Europe/Brussels", "language": "nl", "currency": "EUR",
        "letterhead": {"address": ["Meir 24", "2000 Antwerpen"], "email": "boekhouding@vandamme.example", "phone": "+3232345678",
            "registration": "BE 0123.456.749", "bank": {"holder": "Drukkerij Van Damme", "iban": "BE71096123456769", "bic": "GKCCBEBB"}}});
    let mut creditors = Vec::new();
    for (number, (tenant, customers)) in (0u64..).zip([(french, 180u32), (belgian, 140)]) {
        creditors
            .push(creditor(instance, tenant, customers, Rng::with_seed(seed.wrapping_mul(31).wrapping_add(number)), first, days).await?);
    }
    Ok(creditors)
}

async fn creditor(
    instance: &Arc<Instance>,
    tenant: serde_json::Value,
    customers: u32,
    mut rng: Rng,
    first: NaiveDate,
    days: u32,
) -> Result<Creditor> {
    let new: NewTenant = serde_json::from_value(tenant).map_err(Error::internal)?;
    let (name, language, country) = (new.name.clone(), new.language, new.jurisdiction.clone());
    let made = move |act: &mut Act<'_>| actions::tenants::create(act, &new);
    let (row, [_, (_, key)]) = actions::run(&instance.db, &instance.clock, TenantId::PLATFORM, actions::SYSTEM, made).await?;
    let (partition, zone) = (row.tenant_id.in_mode(Mode::Test), row.zone());
    let dawn = local::instant(zone, first, NaiveTime::from_hms_opt(6, 0, 0).unwrap_or_default());
    instance.db.write(partition, move |conn| store::tenants::start_clock(conn, partition, dawn, dawn)).await?;
    let mut payers = Vec::new();
    let mut news = Vec::new();
    for n in 0..customers {
        payers.push(Payer::draw(&mut rng));
        news.push(serde_json::from_value(customer(n, language.as_str(), country.as_str(), &mut rng)).map_err(Error::internal)?);
    }
    let put = move |act: &mut Act<'_>| {
        actions::customers::put(act, &news, IfKnown::Refuse)?.into_iter().map(|one| one.map(|put| put.row.id)).collect()
    };
    let ids: Vec<CustomerId> = actions::run(&instance.db, &instance.clock, partition, actions::SYSTEM, put).await?;
    let debtors: Vec<(CustomerId, Payer)> = ids.into_iter().zip(payers).collect();
    let invoices = sales(&debtors, &mut rng, first, days);
    Ok(Creditor { name, partition, zone, key, invoices, agreements: Agreements::default(), debtors, seen: None, rng })
}

fn customer(n: u32, language: &str, country: &str, rng: &mut Rng) -> serde_json::Value {
    let pick = |list: &[&str], rng: &mut Rng| list.get(rng.usize(0..list.len())).copied().unwrap_or_default().to_owned();
    let (first, second) = (pick(&FIRST, rng), pick(&SECOND, rng));
    let fate = match rng.u32(0..100) {
        0..3 => "bounce",
        3 => "complain",
        4 => "optout",
        5 => "fail",
        6..9 => "delay",
        _ => "compta",
    };
    let consumer = rng.u32(0..10) == 0;
    let phone = if country == "BE" {
        format!("+32470{:06}", rng.u32(100_000..999_999))
    } else {
        format!("+3361{:07}", rng.u32(1_000_000..9_999_999))
    };
    json!({
        "source": "demo", "external_id": format!("C{n:04}"), "number": format!("C{n:04}"),
        "name": if consumer { format!("{second} {n}") } else { format!("{first} {second} {n}") },
        "kind": if consumer { "consumer" } else { "business" }, "language": language,
        "contacts": [{"name": second, "role": "billing", "email": format!("{fate}+{n}@client.example"), "phone": phone}],
    })
}

/// About six invoices a customer, spread over the days.
fn sales(debtors: &[(CustomerId, Payer)], rng: &mut Rng, first: NaiveDate, days: u32) -> Vec<Sale> {
    let mut sales = Vec::new();
    for (customer, payer) in debtors {
        // One a day at most: of two of one day, chance would say which a payment settles first.
        let issued: BTreeSet<u64> = (0..rng.u32(4..9)).map(|_| rng.u64(0..u64::from(days))).collect();
        for day in issued {
            let issued = first.checked_add_days(Days::new(day)).unwrap_or(first);
            let due = issued.checked_add_days(Days::new(if rng.u32(0..4) == 0 { 14 } else { 30 })).unwrap_or(issued);
            let unprompted = payer.unprompted(due, rng);
            let cents = rng.i64(40..900).saturating_mul(rng.i64(50..400));
            sales.push(Sale {
                customer: *customer,
                number: String::new(),
                issued,
                due,
                cents,
                charged: 0,
                credited: 0,
                unprompted,
                pays_on: unprompted,
                paid: false,
            });
        }
    }
    // The sort keeps the order of the debtors within a day.
    sales.sort_by_key(|sale| sale.issued);
    for (number, sale) in (1u32..).zip(&mut sales) {
        sale.number = format!("F-{}-{number:04}", sale.issued.format("%Y"));
    }
    sales
}

impl Creditor {
    /// What the creditor records in the morning: the day's invoices, and the money that came in.
    pub async fn morning(&mut self, instance: &Arc<Instance>, day: NaiveDate) -> Result<()> {
        let issued: Vec<serde_json::Value> = self.invoices.iter().filter(|sale| sale.issued == day).map(invoice).collect();
        let paid: Vec<serde_json::Value> = self
            .invoices
            .iter()
            .filter(|sale| !sale.paid && sale.issued <= day && sale.pays_on.is_some_and(|on| on <= day))
            .map(|sale| payment(sale, day))
            .collect();
        for sale in self.invoices.iter_mut().filter(|sale| sale.issued <= day && sale.pays_on.is_some_and(|on| on <= day)) {
            sale.paid = true;
        }
        let paid: Vec<serde_json::Value> = paid.into_iter().chain(self.agreements.parts_of(day)).collect();
        if issued.is_empty() && paid.is_empty() {
            return Ok(());
        }
        let news: Vec<_> = issued.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(Error::internal)?;
        let money: Vec<NewPayment> = paid.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(Error::internal)?;
        let money: Vec<NewSettlement> = money.into_iter().map(NewSettlement::from).collect();
        let record = move |act: &mut Act<'_>| {
            actions::invoices::put(act, &news, IfKnown::Refuse)?.into_iter().try_for_each(|one| one.map(drop))?;
            money.iter().try_for_each(|new| actions::settlements::record(act, new).map(drop))
        };
        actions::run(&instance.db, &instance.clock, self.partition, actions::SYSTEM, record).await
    }

    /// What people do in the evening: calls are made, and debtors who got a word think about paying.
    pub async fn evening(&mut self, instance: &Arc<Instance>, day: NaiveDate) -> Result<()> {
        let (partition, seen) = (self.partition, self.seen);
        let filter = store::reminders::Filter { state: Some(ReminderState::Completed), ..Default::default() };
        let mut reminders = instance.db.read(partition, move |conn| store::reminders::list(conn, partition, &filter, seen, 10_000)).await?;
        let places: HashMap<CustomerId, usize> = self.debtors.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
        let place = |customer: CustomerId| places.get(&customer).copied().unwrap_or(usize::MAX);
        let seen = reminders.last().map(|reminder| reminder.id);
        reminders.sort_by_key(|reminder| (place(reminder.customer_id), reminder.step_key.clone(), reminder.cycle));
        for reminder in &reminders {
            let payer = self.payer(reminder.customer_id);
            let Some(delay) = payer.and_then(|payer| payer.prompted(&reminder.step_key, &mut self.rng)) else { continue };
            let on = day.checked_add_days(Days::new(delay)).unwrap_or(day);
            for sale in self.invoices.iter_mut().filter(|sale| sale.customer == reminder.customer_id && !sale.paid && sale.due < day) {
                sale.pays_on = Some(sale.pays_on.map_or(on, |planned| planned.min(on)));
            }
        }
        self.seen = seen.or(self.seen);
        self.answer(instance, day, &reminders).await?;
        self.make_calls(instance, day, &place).await?;
        self.decide(instance, day).await
    }

    /// How a customer pays.
    pub(super) fn payer(&self, customer: CustomerId) -> Option<Payer> {
        self.debtors.iter().find(|(id, _)| *id == customer).map(|(_, payer)| *payer)
    }

    /// What a customer owes on an evening, as far as the generator knows.
    pub(super) fn open_on(&mut self, customer: CustomerId, day: NaiveDate) -> impl Iterator<Item = &mut Sale> {
        self.invoices.iter_mut().filter(move |sale| sale.customer == customer && !sale.paid && sale.issued <= day)
    }
}

fn invoice(sale: &Sale) -> serde_json::Value {
    json!({"customer_id": sale.customer, "source": "demo", "external_id": sale.number, "number": sale.number, "issue_date": sale.issued, "due_date": sale.due,
        "currency": "EUR", "total": sale.cents, "payment_link": format!("https://pay.example/{}", sale.number)})
}

fn payment(sale: &Sale, day: NaiveDate) -> serde_json::Value {
    json!({"customer_id": sale.customer, "source": "demo", "external_id": format!("{}:paid", sale.number), "currency": "EUR",
        "amount": sale.cents.saturating_add(sale.charged).saturating_sub(sale.credited).max(1), "received_on": day, "method": "transfer", "reference": sale.number})
}
