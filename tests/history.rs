//! A real history, cut at a day: what leaves from there on is what the file and the published rules say, and nothing else.
//!
//! The expectation is computed here from the file alone, by a small model of its own that shares no code with the product.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use relance::{
    domain::{
        dunning::reminder::{ReminderState, TaskKind},
        ids::{InstalmentId, Mode, TenantId},
        import::job::ImportCounts,
    },
    store::{self, reminders::Reminder},
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant, imports, ledger::partition},
};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/samples/ar/ibm-late-payment-histories.csv");

const MAPPING: &str = r#"
source = "ibm"
date_format = "%m/%d/%Y"
currency = "USD"
[customer]
external_id = "customerID"
name = "customerID"
[invoice]
external_id = "invoiceNumber"
number = "invoiceNumber"
issue_date = "InvoiceDate"
due_date = "DueDate"
amount = "InvoiceAmount"
[payment]
date = "SettledDate"
"#;

/// Steps of the model's policy and their days after the due date. The texts are the product's.
const STEPS: [(&str, u64); 3] = [("first_reminder", 3), ("second_reminder", 10), ("last_reminder", 20)];
/// Days from one contact of an account to the next.
const GAP_DAYS: u64 = 2;
/// At most so many contacts of a person, in so many days.
const CAP: (usize, u64) = (2, 7);
/// French public holidays from the cut to the end.
const HOLIDAYS: [(u32, u32); 2] = [(7, 14), (8, 15)];

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2013, month, day).unwrap()
}

/// The world is imported as it was in the evening of this Sunday.
fn cut() -> NaiveDate {
    day(6, 30)
}

/// The days that are played: until everything known at the cut has been settled for weeks, and a holiday was kept.
fn days() -> impl Iterator<Item = NaiveDate> {
    cut().succ_opt().unwrap().iter_days().take_while(|date| *date <= day(9, 30))
}

/// Seven or eight o'clock in Paris: before the first reminder may leave.
fn morning(date: NaiveDate) -> DateTime<Utc> {
    date.and_hms_opt(6, 0, 0).unwrap().and_utc()
}

/// A row of the file.
struct Sale<'a> {
    line: &'a str,
    customer: &'a str,
    number: &'a str,
    issued: NaiveDate,
    due: NaiveDate,
    settled: NaiveDate,
    cents: i64,
}

impl Sale<'_> {
    fn is_open_at_cut(&self) -> bool {
        self.issued <= cut() && self.settled > cut()
    }
}

/// The file, row by row.
fn read(table: &str) -> Vec<Sale<'_>> {
    let date = |text| NaiveDate::parse_from_str(text, "%m/%d/%Y").unwrap();
    let cents = |text: &str| {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        format!("{whole}{part:0<2}").parse().unwrap()
    };
    let sale = |line| {
        let cells: Vec<&str> = str::split(line, ',').collect();
        let (issued, due, settled) = (date(cells[4]), date(cells[5]), date(cells[8]));
        Sale { line, customer: cells[1], number: cells[3], issued, due, settled, cents: cents(cells[6]) }
    };
    table.lines().skip(1).map(sale).collect()
}

/// A reminder as both sides tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Reminded {
    on: NaiveDate,
    carrying: String,
    step: String,
    total: i64,
    /// The invoices in it, and the step that each has come to with it.
    lines: Vec<(String, Option<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grouping {
    Customer,
    Invoice,
}

/// An open invoice in the model: how many of the steps are done, and when the last one was.
struct Debt<'a> {
    sale: &'a Sale<'a>,
    done: Option<(usize, NaiveDate)>,
}

impl Debt<'_> {
    /// The next step and its date: `max(due date + offset, completed + spacing)`.
    fn next(&self) -> Option<(&'static str, NaiveDate)> {
        let next = self.done.map_or(0, |(step, _)| step + 1);
        let (key, offset) = *STEPS.get(next)?;
        let by_offset = self.sale.due + Days::new(offset);
        let by_spacing = self.done.map(|(step, on)| on + Days::new(offset - STEPS[step].1));
        Some((key, by_spacing.map_or(by_offset, |date| date.max(by_offset))))
    }

    fn ready(&self, today: NaiveDate) -> Option<&'static str> {
        self.next().filter(|(_, date)| *date <= today).map(|(key, _)| key)
    }

    fn is_overdue(&self, today: NaiveDate) -> bool {
        self.sale.due < today && self.sale.settled > today
    }
}

/// Whether the creditor works and the debtor, who is in the same country, may be written to.
fn is_open(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && !HOLIDAYS.contains(&(date.month(), date.day()))
}

/// What the rules make of the file.
fn expected(sales: &[Sale<'_>], grouping: Grouping) -> Vec<Reminded> {
    let mut accounts: BTreeMap<&str, Vec<Debt<'_>>> = BTreeMap::new();
    for sale in sales.iter().filter(|sale| sale.settled > cut()) {
        accounts.entry(sale.customer).or_default().push(Debt { sale, done: None });
    }
    let mut expected = Vec::new();
    for mut debts in accounts.into_values() {
        debts.sort_by_key(|debt| (debt.sale.due, Reverse(debt.sale.cents)));
        let mut contacts: Vec<NaiveDate> = Vec::new();
        for today in days().filter(|date| is_open(*date)) {
            let spared = |back: usize, days: u64| contacts.iter().rev().nth(back - 1).is_some_and(|then| *then + Days::new(days) > today);
            if spared(1, GAP_DAYS) || spared(CAP.0, CAP.1) {
                continue;
            }
            if let Some(reminded) = remind(&mut debts, grouping, today) {
                expected.push(reminded);
                contacts.push(today);
            }
        }
    }
    expected.sort();
    expected
}

/// The day's reminder of an account, if there is one. All steps come after the due date, so only what is overdue counts.
fn remind(debts: &mut [Debt<'_>], grouping: Grouping, today: NaiveDate) -> Option<Reminded> {
    let mut overdue: Vec<&mut Debt<'_>> = debts.iter_mut().filter(|debt| debt.is_overdue(today)).collect();
    let place = match grouping {
        // The oldest that has a step left speaks for all, or nobody does.
        Grouping::Customer => overdue.iter().position(|debt| debt.next().is_some())?,
        Grouping::Invoice => overdue.iter().position(|debt| debt.ready(today).is_some())?,
    };
    let (step, carrying) = (overdue[place].ready(today)?, overdue[place].sale.number);
    if grouping == Grouping::Invoice {
        overdue = vec![overdue.swap_remove(place)];
    }
    let mut lines = Vec::new();
    for debt in &mut overdue {
        let own = debt.ready(today);
        if own.is_some() {
            debt.done = Some((debt.done.map_or(0, |(step, _)| step + 1), today));
        }
        lines.push((debt.sale.number.to_owned(), own.map(str::to_owned)));
    }
    lines.sort();
    let total = overdue.iter().map(|debt| debt.sale.cents).sum();
    Some(Reminded { on: today, carrying: carrying.to_owned(), step: step.to_owned(), total, lines })
}

fn import(app: &App, tenant: TenantId, table: &str, as_of: NaiveDate) -> ImportCounts {
    let (import, left_out) = imports::table(app, tenant, MAPPING, table.as_bytes(), Some(as_of), false).unwrap();
    assert_eq!(left_out, []);
    import.counts.0
}

/// Sends the clock, which stands at `at`, to `to`.
async fn advance(app: &App, tenant: &Tenant, at: DateTime<Utc>, to: DateTime<Utc>) {
    let here = partition(tenant, Mode::Test);
    assert!(app.db.write_now(here, |conn| store::tenants::start_clock(conn, here, at, to)).unwrap());
    app.settle(tenant, Mode::Test).await;
}

/// A tenant who took the file in at the cut, with somebody to reach at each debtor.
async fn history(app: &App, policy: Option<Value>, table: &str, sales: &[Sale<'_>]) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    if let Some(document) = policy {
        let made = app.post("/v1/policies", &tenant.test, json!({"document": document})).await.expect(201);
        app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), &tenant.test, json!({"version": 1})).await.expect(200);
    }
    advance(app, &tenant, morning(cut()), morning(cut())).await;
    let counts = import(app, partition(&tenant, Mode::Test), table, cut());
    let count = |which: fn(&Sale<'_>) -> bool| u64::try_from(sales.iter().filter(|sale| which(sale)).count()).unwrap();
    assert_eq!((counts.rows_read(), counts.refused, counts.customers.created), (2_466, 0, 100));
    assert_eq!(counts.invoices.created, count(|sale| sale.issued <= cut()));
    assert_eq!(counts.payments.created, count(|sale| sale.settled <= cut()));

    let customers = app.get("/v1/customers?limit=200", &tenant.test).await.expect(200);
    for (customer, n) in customers["data"].as_array().unwrap().iter().zip(0..) {
        let contact = json!({"name": "Accounts", "email": format!("accounts+{n}@client.example"), "phone": format!("+336120{n:05}")});
        app.post(&format!("/v1/customers/{}/contacts", customer["id"].as_str().unwrap()), &tenant.test, contact).await.expect(201);
    }
    tenant
}

/// Plays the days: what was invoiced and paid on each is recorded before the first reminder of the day may leave. Returns every reminder.
async fn play(app: &App, tenant: &Tenant, table: &str, sales: &[Sale<'_>]) -> Vec<Reminder> {
    let here = partition(tenant, Mode::Test);
    let headings = table.lines().next().unwrap();
    let mut at = cut();
    for today in days() {
        advance(app, tenant, morning(at), morning(today)).await;
        at = today;
        let news: Vec<&Sale<'_>> = sales.iter().filter(|sale| sale.issued == today || sale.settled == today).collect();
        if !news.is_empty() {
            let lines: Vec<&str> = news.iter().map(|sale| sale.line).collect();
            let counts = import(app, here, &format!("{headings}\n{}\n", lines.join("\n")), today);
            let paid = news.iter().filter(|sale| sale.settled == today).count();
            assert_eq!((counts.refused, counts.payments.created), (0, u64::try_from(paid).unwrap()));
        }
    }
    advance(app, tenant, morning(at), morning(at.succ_opt().unwrap())).await;
    app.db.read_now(here, |conn| store::reminders::list(conn, here, &store::reminders::Filter::default(), None, 10_000)).unwrap()
}

/// Every invoice's number, by its only instalment.
async fn numbers(app: &App, tenant: &Tenant) -> BTreeMap<InstalmentId, String> {
    let mut numbers = BTreeMap::new();
    let mut path = "/v1/invoices?limit=200".to_owned();
    loop {
        let page = app.get(&path, &tenant.test).await.expect(200);
        for invoice in page["data"].as_array().unwrap() {
            let instalment = invoice["instalments"][0]["id"].as_str().unwrap().parse().unwrap();
            numbers.insert(instalment, invoice["number"].as_str().unwrap().to_owned());
        }
        let Value::String(cursor) = &page["next_cursor"] else { return numbers };
        path = format!("/v1/invoices?limit=200&cursor={cursor}");
    }
}

/// The product's reminder in the model's words.
fn told(reminder: &Reminder, numbers: &BTreeMap<InstalmentId, String>) -> Reminded {
    let line = |one: &relance::domain::dunning::reminder::ListedInstalment| (numbers[&one.instalment_id].clone(), one.advances_to.clone());
    let mut lines: Vec<_> = reminder.instalments.iter().map(line).collect();
    lines.sort();
    Reminded {
        on: reminder.decided_at.date_naive(),
        carrying: numbers[&reminder.carrying_instalment_id].clone(),
        step: reminder.step_key.clone(),
        total: reminder.total_minor,
        lines,
    }
}

/// By the file alone: a reminder speaks of what is unpaid that day, and of no invoice does a step come twice.
fn assert_conserved(sales: &[Sale<'_>], reminded: &[Reminded], may_be_early: impl Fn(&str) -> bool) {
    let file: BTreeMap<&str, &Sale<'_>> = sales.iter().map(|sale| (sale.number, sale)).collect();
    let mut done = BTreeSet::new();
    for one in reminded {
        assert!(is_open(one.on), "{one:?}");
        assert_eq!(one.total, one.lines.iter().map(|(number, _)| file[number.as_str()].cents).sum::<i64>(), "{one:?}");
        assert!(one.lines.contains(&(one.carrying.clone(), Some(one.step.clone()))), "{one:?}");
        for (number, step) in &one.lines {
            let sale = file[number.as_str()];
            assert!(sale.settled > one.on, "settled on {}: {one:?}", sale.settled);
            assert!(sale.due < one.on || step.as_deref().is_some_and(&may_be_early), "due on {}: {one:?}", sale.due);
            assert_eq!(sale.customer, file[one.carrying.as_str()].customer, "{one:?}");
            if let Some(step) = step {
                assert!(done.insert((number.clone(), step.clone())), "twice: {one:?}");
            }
        }
    }
}

fn by_step(reminded: &[Reminded]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    reminded.iter().for_each(|one| *counts.entry(one.step.as_str()).or_default() += 1);
    counts
}

/// Prints the counts of both sides, and what they are made of: an invoice comes to a step by a reminder of its own, or along with an
/// older one; and what was paid before the next working day is not reminded.
fn explain(word: &str, sales: &[Sale<'_>], expected: &[Reminded], reminded: &[Reminded]) {
    let end = days().last().unwrap();
    let played = || sales.iter().filter(|sale| sale.settled > cut() && sale.issued <= end);
    let (all, at_cut) = (played().count(), played().filter(|sale| sale.is_open_at_cut()).count());
    println!("by {word}: {at_cut} invoices open at the cut and {} issued later", all - at_cut);
    for (step, offset) in STEPS {
        let count = |side: &[Reminded]| side.iter().filter(|one| one.step == step).count();
        let came = || {
            expected
                .iter()
                .flat_map(|one| one.lines.iter().map(move |line| (one, line)))
                .filter(|(_, line)| line.1.as_deref() == Some(step))
        };
        let along = came().filter(|(one, line)| one.carrying != line.0).count();
        let unpaid = played().filter(|sale| sale.due + Days::new(offset) <= end && sale.settled > sale.due + Days::new(offset)).count();
        println!(
            "by {word}: {step}: {} expected, {} sent; {unpaid} invoices unpaid {offset} days late, of which {} came to the step, {along} along with an older one",
            count(expected),
            count(reminded),
            came().count()
        );
    }
}

/// Plays the model's policy on both sides and compares every reminder: its day, step, carrying invoice, lines and total.
async fn compare(app: &App, grouping: Grouping) {
    let Ok(table) = std::fs::read_to_string(SAMPLE) else {
        println!("skipped: no ../shared");
        return;
    };
    let sales = read(&table);
    let step = |(key, offset): (&str, u64)| json!({"key": key, "offset_days": offset, "channel": "email", "template": key});
    let word = if grouping == Grouping::Customer { "customer" } else { "invoice" };
    let document = json!({"name": "Three letters", "grouping": word, "steps": STEPS.map(step),
        "contact": {"window": {"weekdays": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "18:00"},
            "min_gap_days": GAP_DAYS, "caps": [{"contacts": CAP.0, "days": CAP.1}]}});
    let tenant = history(app, Some(document), &table, &sales).await;
    let reminders = play(app, &tenant, &table, &sales).await;
    let numbers = numbers(app, &tenant).await;
    assert!(reminders.iter().all(|one| one.state == ReminderState::Completed && one.completed_at == Some(one.decided_at)));
    let mut reminded: Vec<Reminded> = reminders.iter().map(|one| told(one, &numbers)).collect();
    reminded.sort();

    let expected = expected(&sales, grouping);
    explain(word, &sales, &expected, &reminded);
    assert_eq!(by_step(&reminded), by_step(&expected));
    assert_eq!(reminded, expected);
    assert_eq!(by_step(&expected).len(), STEPS.len(), "every step happened");
    assert_conserved(&sales, &reminded, |_| false);
}

on_both! {
    async fn a_real_history_is_reminded_by_customer_as_the_file_says(app: App) {
        compare(&app, Grouping::Customer).await;
    }

    async fn a_real_history_is_reminded_by_invoice_as_the_file_says(app: App) {
        compare(&app, Grouping::Invoice).await;
    }

    async fn a_real_history_under_the_crescendo(app: App) {
        let Ok(table) = std::fs::read_to_string(SAMPLE) else {
            println!("skipped: no ../shared");
            return;
        };
        let sales = read(&table);
        let tenant = history(&app, None, &table, &sales).await;
        let reminders = play(&app, &tenant, &table, &sales).await;
        let numbers = numbers(&app, &tenant).await;
        let mut counts = BTreeMap::<(&str, &str), usize>::new();
        reminders.iter().for_each(|one| *counts.entry((one.step_key.as_str(), one.state.as_str())).or_default() += 1);
        counts.iter().for_each(|((step, state), n)| println!("crescendo: {step}: {n} {state}"));
        let reminded: Vec<Reminded> = reminders.iter().map(|one| told(one, &numbers)).collect();
        assert_conserved(&sales, &reminded, |step| step == "call_upcoming");
        let bad = reminders.iter().find(|one| matches!(one.state, ReminderState::InFlight | ReminderState::OutcomeUnknown | ReminderState::Failed));
        assert!(bad.is_none(), "{bad:?}");

        let here = partition(&tenant, Mode::Test);
        let done = |sent: bool| reminders.iter().filter(move |one| one.state == ReminderState::Completed && one.channel.is_sent() == sent).map(|one| Some(one.id)).collect::<BTreeSet<_>>();
        let messages = app.db.read_now(here, |conn| store::messages::list(conn, here, &Default::default(), None, 10_000)).unwrap();
        let tasks = app.db.read_now(here, |conn| store::tasks::list(conn, here, &Default::default(), None, 10_000)).unwrap();
        assert_eq!(messages.iter().map(|one| one.reminder_id).collect::<BTreeSet<_>>(), done(true));
        // What credit control wants looked at is no part of a crescendo.
        let given = tasks.iter().filter(|one| one.kind != TaskKind::Review).map(|one| one.reminder_id);
        assert_eq!(given.collect::<BTreeSet<_>>(), done(false));
    }
}
