//! A day of mixed traffic: creditors whose gateways work beside creditors whose gateways do not, and a quiet one that now and then has a single reminder to send.
//!
//! What is promised: who fails or is slow costs only its own creditor time; and nobody waits behind another's backlog.

use std::time::{Duration, Instant};

use super::{
    gateway::Manner,
    worker::Worker,
    world::{Creditor, catch_up, debtors},
};
use crate::support::{App, database::postgres};

/// Answers soon.
const WELL: Manner = Manner { delay: 5..50, drops: 0, broken: false };
/// Says that it is broken, if it says anything before its caller hangs up after ten seconds.
const BROKEN: Manner = Manner { delay: 0..30_000, drops: 0, broken: true };
/// Takes everything, and takes its time.
const SLOW: Manner = Manner { delay: 4_000..6_000, drops: 0, broken: false };
/// The lease of an installation that nobody has tuned.
const LEASE: u32 = 60;

/// How much there is to send.
struct Day {
    /// Messages of each of five creditors.
    each: usize,
    /// Calls a second that each gateway bears of one worker.
    per_second: i32,
    /// How long the quiet creditor rests between two reminders.
    pause: Duration,
    patience: Duration,
}

#[actix_web::test]
async fn who_fails_holds_up_nobody_else() {
    traffic(Day { each: 200, per_second: 50, pause: Duration::from_millis(300), patience: Duration::from_secs(240) }).await;
}

#[actix_web::test]
#[ignore = "50,000 messages, timed; `make crash` runs it"]
async fn a_day_of_mixed_traffic() {
    let day = Day { each: 10_000, per_second: 25, pause: Duration::from_secs(1), patience: Duration::from_secs(1_200) };
    let Some((alone, beside)) = traffic(day).await else { return };
    let kept = beside.rate * 100 / alone.rate;
    assert!(kept >= 95, "beside failing accounts the others keep {kept} % of their rate");
    for round in [&alone, &beside] {
        assert!(round.wait <= Duration::from_secs(10), "the quiet creditor waited {:?}", round.wait);
    }
}

/// What a round measured.
struct Round {
    /// Messages a minute of the creditors whose gateways work.
    rate: u128,
    /// What nineteen of twenty of the quiet creditor's reminders waited at most.
    wait: Duration,
}

/// Sends half of what the working creditors have to send alone, and half beside those who fail.
async fn traffic(day: Day) -> Option<(Round, Round)> {
    let database = postgres()?;
    let url = database.url.clone();
    let app = App::start(database).await;
    catch_up(&app);
    let mut well = Vec::new();
    for name in ["Atelier", "Boulangerie", "Carrosserie"] {
        well.push(Creditor::new(&app, name, WELL, day.per_second, 32).await);
    }
    let failing =
        [Creditor::new(&app, "Drogue", BROKEN, day.per_second, 32).await, Creditor::new(&app, "Escargot", SLOW, day.per_second, 32).await];
    let quiet = Creditor::new(&app, "Fleuriste", WELL, 100, 32).await;
    let half = day.each / 2;
    let mut told = 0;
    let mut rounds = Vec::new();
    for (first, last, with) in [(0, half, false), (half, day.each, true)] {
        for creditor in &well {
            debtors(&app, &creditor.key, first..last).await;
        }
        for creditor in failing.iter().filter(|_| with) {
            debtors(&app, &creditor.key, 0..day.each).await;
        }
        let round = round(&app, &url, &day, (&well, last), (&quiet, &mut told)).await;
        println!(
            "{} messages of three creditors {}: {} a minute; a quiet one waits {:.2} s (p95)",
            (last - first) * well.len(),
            if with { "beside two whose gateways fail" } else { "alone" },
            round.rate,
            round.wait.as_secs_f64(),
        );
        rounds.push(round);
    }
    println!("the broken gateway was called {} times, the slow one {} times", failing[0].gateway.count(), failing[1].gateway.count());
    for creditor in well.iter().chain([&failing[1]]) {
        assert!(creditor.gateway.by_key().values().all(|asked| asked.len() == 1), "sent twice");
    }
    let beside = rounds.pop()?;
    Some((rounds.pop()?, beside))
}

/// Lets two workers work until every gateway that works has had so many messages.
async fn round(app: &App, url: &str, day: &Day, (well, until): (&[Creditor], usize), (quiet, told): (&Creditor, &mut usize)) -> Round {
    let workers = [Worker::beside(app, url, LEASE), Worker::beside(app, url, LEASE)];
    let before: Vec<usize> = well.iter().map(|creditor| creditor.gateway.count()).collect();
    let begun = Instant::now();
    // Workers that have not begun yet let everybody wait.
    while well.iter().zip(&before).all(|(creditor, before)| creditor.gateway.count() == *before) {
        assert!(begun.elapsed() < day.patience, "nothing is sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut asked = Vec::new();
    while well.iter().any(|creditor| creditor.gateway.count() < until) {
        assert!(begun.elapsed() < day.patience, "not sent within {:?}", day.patience);
        tokio::time::sleep(day.pause).await;
        catch_up(app);
        debtors(app, &quiet.key, *told..*told + 1).await;
        asked.push((format!("c{told}@client.example"), Instant::now()));
        *told += 1;
    }
    // From each creditor's first message to its last.
    let rate = well.iter().zip(before).map(|(creditor, before)| {
        let times: Vec<Instant> = creditor.gateway.asked().iter().skip(before).map(|one| one.at).collect();
        u128::try_from(times.len()).unwrap() * 60_000 / (times[times.len() - 1] - times[0]).as_millis()
    });
    let rate = rate.sum();
    while quiet.gateway.count() < *told {
        assert!(begun.elapsed() < day.patience, "the quiet creditor's were not sent within {:?}", day.patience);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let arrived = quiet.gateway.asked();
    let arrived = |address: &str| arrived.iter().find(|one| one.address == address).unwrap().at;
    let mut waits: Vec<Duration> = asked.iter().map(|(address, at)| arrived(address).saturating_duration_since(*at)).collect();
    waits.sort();
    let wait = waits[(waits.len() * 95).div_ceil(100) - 1];
    for worker in workers {
        assert!(worker.stop().success());
    }
    Round { rate, wait }
}
