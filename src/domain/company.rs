//! Who a business is: its legal form, its capital, the people who answer for it, the accounts it pays from.
//!
//! Plain statements of the creditor, all optional: what must be there, the tenant's checklist says
//! ([`super::credit::checklist`]). Invariant of what passes [`Company::check`]: every IBAN's check digits agree.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    invalid::Faults,
    money::Currency,
    tenant::{BankDetails, iban_is_valid},
};

crate::words! {
    /// How a business is constituted: who answers for its debts, and with what.
    pub enum LegalForm {
        /// One person who answers with all that is his: entreprise individuelle, eenmanszaak, Einzelunternehmen.
        SoleTrader = "sole_trader",
        /// Partners of whom one at least answers without limit: SNC, VOF, OHG, KG.
        Partnership = "partnership",
        /// A company that answers with its own means alone: SARL, SAS, SRL/BV, GmbH, Ltd.
        LimitedCompany = "limited_company",
        /// A company whose shares may be offered to the public: SA, NV, AG, PLC.
        PublicCompany = "public_company",
        /// A co-operative society.
        Cooperative = "cooperative",
        /// An association or a foundation.
        Association = "association",
        /// A state, a town, a public hospital.
        PublicBody = "public_body",
        /// None of these.
        Other = "other",
    }
}

/// A company's capital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"currency": "EUR", "minor": 1_000_000}))]
pub struct Capital {
    /// Of which currency.
    pub currency: Currency,
    /// Minor units.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    pub minor: i64,
}

/// A person who answers for a business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Claire Dupont", "role": "gérante"}))]
pub struct Director {
    /// Their name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    /// What they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub role: Option<String>,
}

/// Who a business is, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"legal_form": "limited_company", "capital": {"currency": "EUR", "minor": 1_000_000}, "activity_code": "45.20A", "founded_on": "2011-04-01",
    "directors": [{"name": "Claire Dupont", "role": "gérante"}], "bank_accounts": [{"holder": "Garage Dupont", "iban": "FR7630006000011234567890189"}]}))]
pub struct Company {
    /// How it is constituted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_form: Option<LegalForm>,
    /// Its capital.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capital: Option<Capital>,
    /// What it does: NACE, NAF, SIC or another code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 20, pattern = "^[A-Za-z0-9.-]+$")]
    pub activity_code: Option<String>,
    /// When it was founded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub founded_on: Option<NaiveDate>,
    /// Who answers for it.
    #[schema(max_items = 20)]
    pub directors: Vec<Director>,
    /// The accounts it pays from.
    #[schema(max_items = 10)]
    pub bank_accounts: Vec<BankDetails>,
}

impl Company {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        for (n, account) in self.bank_accounts.iter().enumerate() {
            if !iban_is_valid(&account.iban) {
                faults.add(format!("/company/bank_accounts/{n}/iban"), "checksum", "the check digits do not agree; copy the IBAN again");
            }
        }
        faults
    }
}
