//! What each input gives or takes: the table of judgements, one function a line.

use super::{Inputs, ScoreInput, ScoreLine};
use crate::domain::{company::LegalForm, customer::CustomerKind};

fn line(input: ScoreInput, weight: i64, points: i64, explanation: impl Into<String>) -> ScoreLine {
    ScoreLine { input, weight, points: points.clamp(weight.saturating_neg(), weight), explanation: explanation.into() }
}

/// `1.50` of 150 hundredths.
fn hundredths(count: i64) -> String {
    format!("{}.{:02}", count / 100, count % 100)
}

pub(super) fn payment_habit(inputs: &Inputs) -> ScoreLine {
    let Some(days) = inputs.mean_days_late else {
        return line(ScoreInput::PaymentHabit, 120, 0, "nothing was paid yet, or too long ago to count");
    };
    let full = match days {
        ..=0 => 120,
        1..=5 => 70,
        6..=15 => 0,
        16..=30 => -60,
        31..=60 => -90,
        _ => -120,
    };
    // Four instalments of today make a habit; fewer, or older ones, less of it.
    let points = full * inputs.settled_weight.min(400) / 400;
    let when = match days {
        0 => "on the due date".to_owned(),
        ..0 => format!("{} days early", days.saturating_neg()),
        _ => format!("{days} days late"),
    };
    line(ScoreInput::PaymentHabit, 120, points, format!("the last {} instalments were paid {when} on average", inputs.settled))
}

pub(super) fn overdue_share(inputs: &Inputs) -> ScoreLine {
    let Some(percent) = inputs.overdue_percent() else {
        return line(ScoreInput::OverdueShare, 120, 0, "nothing is open");
    };
    let points = match percent {
        0 => 10,
        1..=20 => -20,
        21..=50 => -50,
        51..=80 => -80,
        _ => -120,
    };
    line(ScoreInput::OverdueShare, 120, points, format!("{percent} % of what is open is overdue"))
}

pub(super) fn broken_promises(inputs: &Inputs) -> ScoreLine {
    let (kept, broken) = (inputs.promises_kept, inputs.promises_broken);
    if kept == 0 && broken == 0 {
        return line(ScoreInput::BrokenPromises, 150, 0, "no promise was made lately");
    }
    let points = (kept / 5).min(20).saturating_sub(broken.saturating_mul(60) / 100);
    let text = format!("{} promises kept and {} broken, older ones counted less", hundredths(kept), hundredths(broken));
    line(ScoreInput::BrokenPromises, 150, points, text)
}

pub(super) fn disputes(inputs: &Inputs) -> ScoreLine {
    let text = match (inputs.disputes_rejected, inputs.disputes_upheld) {
        (0, 0) => "no dispute lately".to_owned(),
        (wrong, right) => {
            format!("{} disputes were unfounded, {} founded; founded ones do not count", hundredths(wrong), hundredths(right))
        }
    };
    line(ScoreInput::Disputes, 75, (inputs.disputes_rejected / 4).saturating_neg(), text)
}

pub(super) fn returned_payments(inputs: &Inputs) -> ScoreLine {
    let count = inputs.payments_returned;
    let text = if count == 0 {
        "no payment was taken back lately".to_owned()
    } else {
        format!("{} payments were taken back by the bank", hundredths(count))
    };
    line(ScoreInput::ReturnedPayments, 100, (count / 2).saturating_neg(), text)
}

pub(super) fn legal_form(inputs: &Inputs) -> ScoreLine {
    let form = match inputs.kind {
        CustomerKind::PublicBody => Some(LegalForm::PublicBody),
        CustomerKind::Business | CustomerKind::Consumer => inputs.legal_form,
    };
    let Some(form) = form else { return line(ScoreInput::LegalForm, 50, 0, "not known") };
    let points = match form {
        LegalForm::PublicBody => 50,
        LegalForm::PublicCompany => 20,
        LegalForm::LimitedCompany | LegalForm::Partnership | LegalForm::Cooperative | LegalForm::Other => 0,
        LegalForm::SoleTrader | LegalForm::Association => -20,
    };
    line(ScoreInput::LegalForm, 50, points, form.as_str().replace('_', " "))
}

pub(super) fn capital(inputs: &Inputs) -> ScoreLine {
    let Some(percent) = inputs.capital_percent else {
        return line(ScoreInput::Capital, 30, 0, "not known, or nothing is open in its currency");
    };
    let points = match percent {
        ..100 => -20,
        100..1000 => 10,
        _ => 30,
    };
    line(ScoreInput::Capital, 30, points, format!("{percent} % of what is open in its currency"))
}

pub(super) fn activity(inputs: &Inputs) -> ScoreLine {
    match inputs.risky_activity {
        None => line(ScoreInput::Activity, 40, 0, "not known"),
        Some(true) => line(ScoreInput::Activity, 40, -40, "among the activities that you call risky"),
        Some(false) => line(ScoreInput::Activity, 40, 0, "not among the activities that you call risky"),
    }
}

pub(super) fn age(inputs: &Inputs) -> ScoreLine {
    let Some(years) = inputs.age_years else { return line(ScoreInput::Age, 40, 0, "not known") };
    let points = match years {
        ..2 => -40,
        2..5 => -10,
        5..10 => 10,
        _ => 30,
    };
    line(ScoreInput::Age, 40, points, format!("founded {years} years ago"))
}

pub(super) fn solvency_check(inputs: &Inputs) -> ScoreLine {
    let Some(check) = inputs.solvency else { return line(ScoreInput::SolvencyCheck, 120, 0, "none was answered") };
    let full = (i64::from(check.rating) - 3) * 60;
    let (points, caution) = match check.age_days {
        ..=180 => (full, ""),
        181..=365 => (full / 2, "; it counts half after half a year"),
        _ => (0, "; it does not count after a year"),
    };
    line(ScoreInput::SolvencyCheck, 120, points, format!("rated {} of 5, {} days ago{caution}", check.rating, check.age_days))
}

pub(super) fn guarantees(inputs: &Inputs) -> ScoreLine {
    let Some(percent) = inputs.covered_percent() else { return line(ScoreInput::Guarantees, 60, 0, "none is in force") };
    let points = match percent {
        ..50 => 0,
        50..100 => 30,
        _ => 60,
    };
    line(ScoreInput::Guarantees, 60, points, format!("guarantees cover {} % of what is open", percent.min(100)))
}
