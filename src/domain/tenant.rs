//! The creditor: who writes, in which language, from which jurisdiction.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    calendar::{Calendar, Closure, holidays, week::Weekdays},
    change::Change,
    contact::{Email, Phone},
    credit::settings::CreditSettings,
    dunning::policy::Threshold,
    ids::TermsId,
    invalid::Faults,
    locale::{Jurisdiction, Language},
    money::Currency,
    texts::TextSettings,
};

crate::words! {
    /// Whether anything is sent for a tenant.
    pub enum TenantStatus {
        /// Business as usual.
        Active = "active",
        /// Nothing is planned or sent; everything stays readable.
        Suspended = "suspended",
    }
}

/// What a creditor's letters show, and how they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"address": ["12 rue de la Paix", "75002 Paris"], "email": "compta@atelier.example", "registration": "RCS Paris 732 829 320",
    "bank": {"holder": "Atelier SAS", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"}, "reply_to": "compta@atelier.example"}))]
pub struct Letterhead {
    /// Address lines, as on an envelope.
    #[schema(max_items = 6)]
    pub address: Vec<AddressLine>,
    /// Where debtors may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Where debtors may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// Registration number, as the law wants it on letters: SIREN, BCE/KBO, HRB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub registration: Option<String>,
    /// Where debtors pay by transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank: Option<BankDetails>,
    /// Where answers to e-mails go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Email>,
    /// The name text messages come from: at most 11 letters or digits (GSM alphanumeric sender).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 11, pattern = "^[A-Za-z0-9 ]{1,11}$")]
    pub sms_sender: Option<String>,
}

/// One line of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(max_length = 100, example = "12 rue de la Paix")]
pub struct AddressLine(pub String);

/// A bank account to pay to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BankDetails {
    /// The holder's name.
    #[schema(max_length = 140)]
    pub holder: String,
    /// ISO 13616, without spaces.
    #[schema(min_length = 15, max_length = 34, pattern = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$")]
    pub iban: String,
    /// ISO 9362.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 11, pattern = "^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$")]
    pub bic: Option<String>,
}

/// On which days the creditor works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"working_days": ["mon", "tue", "wed", "thu", "fri"], "holidays": ["FR"], "closing_days": [{"from": "2026-12-24", "to": "2027-01-01"}]}))]
pub struct WorkingTime {
    /// Days on which reminders leave.
    pub working_days: Weekdays,
    /// Whose public holidays are kept; absent: those of the tenant's jurisdiction.
    #[schema(max_items = 10)]
    pub holidays: Option<Vec<Jurisdiction>>,
    /// The creditor's own closing days.
    #[schema(max_items = 100)]
    pub closing_days: Vec<Closure>,
}

impl Default for WorkingTime {
    fn default() -> Self {
        Self { working_days: Weekdays::MONDAY_TO_FRIDAY, holidays: None, closing_days: Vec::new() }
    }
}

/// What the creditor concedes to those who talk to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"promise_grace_days": 2, "plan_grace_days": 3, "plan_max_months": 12, "plan_min_part": [{"currency": "EUR", "minor": 5000}]}))]
pub struct Concessions {
    /// Days after the promised one in which a payment still keeps the promise.
    #[schema(minimum = 0, maximum = 30, default = 2)]
    pub promise_grace_days: u16,
    /// Days after that of a part in which a payment still keeps the plan.
    #[schema(minimum = 0, maximum = 30, default = 3)]
    pub plan_grace_days: u16,
    /// Months from the proposal of a payment plan to its last part.
    #[schema(minimum = 1, maximum = 60, default = 12)]
    pub plan_max_months: u16,
    /// The smallest part of a payment plan, by currency; a currency not listed has none. The last part may be smaller.
    #[schema(max_items = 50)]
    pub plan_min_part: Vec<Threshold>,
}

impl Default for Concessions {
    fn default() -> Self {
        Self { promise_grace_days: 2, plan_grace_days: 3, plan_max_months: 12, plan_min_part: Vec::new() }
    }
}

/// What is kept about a tenant beside its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// What its letters show.
    pub letterhead: Letterhead,
    /// On which days it works.
    pub working_time: WorkingTime,
    /// The terms of invoices that have no others.
    pub terms_id: Option<TermsId>,
    /// What it concedes.
    pub concessions: Concessions,
    /// How it grants credit.
    pub credit: CreditSettings,
    /// How it sends text messages.
    pub texts: TextSettings,
}

impl TenantSettings {
    /// The calendar that its reminders follow.
    pub fn calendar(&self, zone: chrono_tz::Tz, jurisdiction: &Jurisdiction) -> Calendar {
        let own = || if holidays::knows(jurisdiction) { vec![jurisdiction.clone()] } else { Vec::new() };
        let WorkingTime { working_days, holidays, closing_days } = self.working_time.clone();
        Calendar { zone, working_days, holidays: holidays.unwrap_or_else(own), closing_days }
    }
}

/// A tenant to create.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Atelier SAS", "jurisdiction": "FR", "time_zone": "Europe/Paris", "language": "fr", "currency": "EUR"}))]
pub struct NewTenant {
    /// The creditor's name, as debtors know it.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    /// Whose law governs its invoices.
    pub jurisdiction: Jurisdiction,
    /// IANA zone in which its dates are meant.
    #[schema(max_length = 50, example = "Europe/Paris")]
    pub time_zone: String,
    /// The language of its texts where the debtor's is unknown.
    pub language: Language,
    /// The currency of its reports.
    pub currency: Currency,
    /// What its letters show.
    #[serde(default)]
    pub letterhead: Letterhead,
    /// On which days it works.
    #[serde(default)]
    pub working_time: WorkingTime,
    /// What it concedes.
    #[serde(default)]
    pub concessions: Concessions,
    /// How it sends text messages.
    #[serde(default)]
    pub texts: TextSettings,
}

/// What may change on a tenant; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"name": "Atelier & Fils SAS"}))]
pub struct TenantChange {
    /// The creditor's name, as debtors know it.
    #[schema(min_length = 1, max_length = 140)]
    pub name: Option<String>,
    /// Whose law governs its invoices.
    pub jurisdiction: Option<Jurisdiction>,
    /// IANA zone in which its dates are meant.
    #[schema(max_length = 50, example = "Europe/Paris")]
    pub time_zone: Option<String>,
    /// The language of its texts where the debtor's is unknown.
    pub language: Option<Language>,
    /// The currency of its reports.
    pub currency: Option<Currency>,
    /// What its letters show; replaces the whole letterhead.
    pub letterhead: Option<Letterhead>,
    /// On which days it works; replaces the whole.
    pub working_time: Option<WorkingTime>,
    /// The payment terms of invoices that give no due dates, of customers without terms of their own; `null`: none.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<TermsId>)]
    pub terms_id: Change<TermsId>,
    /// What it concedes; replaces the whole. Promises and plans that were made keep their own grace.
    pub concessions: Option<Concessions>,
    /// How it grants credit; replaces the whole.
    pub credit: Option<CreditSettings>,
    /// How it sends text messages; replaces the whole.
    pub texts: Option<TextSettings>,
    /// Suspends or resumes all sending.
    pub status: Option<TenantStatus>,
}

/// Checks the rules that no schema can: the zone exists, the IBAN's digits agree (ISO 7064 mod 97-10).
pub fn check(time_zone: Option<&str>, letterhead: Option<&Letterhead>, working_time: Option<&WorkingTime>) -> Faults {
    let mut faults = Faults::none();
    if let Some(zone) = time_zone
        && zone.parse::<chrono_tz::Tz>().is_err()
    {
        faults.add("/time_zone", "unknown_value", format!("{zone:?} is not an IANA time zone; write one such as Europe/Paris"));
    }
    if let Some(bank) = letterhead.and_then(|letterhead| letterhead.bank.as_ref())
        && !iban_is_valid(&bank.iban)
    {
        faults.add("/letterhead/bank/iban", "checksum", "the check digits do not agree; copy the IBAN again");
    }
    if let Some(WorkingTime { working_days, holidays, closing_days }) = working_time.cloned() {
        let calendar = Calendar { zone: chrono_tz::Tz::UTC, working_days, holidays: holidays.unwrap_or_default(), closing_days };
        if let Err(wrong) = calendar.validate() {
            faults.nest("/working_time", wrong);
        }
    }
    faults
}

/// Whether the check digits of an IBAN agree (ISO 7064 mod 97-10).
pub(super) fn iban_is_valid(iban: &str) -> bool {
    let mut rotated = iban.chars().skip(4).chain(iban.chars().take(4));
    let remainder = rotated.try_fold(0u32, |remainder, letter| {
        let value = letter.to_digit(36)?;
        Some((remainder * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    remainder == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_an_iban() {
        assert!(iban_is_valid("FR7630006000011234567890189") && iban_is_valid("BE71096123456769"));
        assert!(!iban_is_valid("FR7630006000011234567890188") && !iban_is_valid("BE71 0961"));
    }
}
