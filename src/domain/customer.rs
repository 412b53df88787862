//! The debtor: what it is in the eyes of the law, who is there, and how its record is written.
//!
//! Not here: its accounts and what it owes. Invariant: at most one contact of a customer is the primary one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    change::Change,
    company::Company,
    contact::{Channel, Email, Line, Phone},
    external::{self, ExternalKey, Pairs},
    ids::{PolicyId, TermsId},
    invalid::Faults,
    ledger::interest::InterestHandling,
    locale::{Jurisdiction, Language},
    tenant::AddressLine,
};

/// How many people are kept at one customer.
pub const MAX_CONTACTS: usize = 50;

crate::words! {
    /// Which law protects the debtor.
    pub enum CustomerKind {
        /// A company, a trader or a liberal profession.
        Business = "business",
        /// A natural person outside any trade: consumer law applies.
        Consumer = "consumer",
        /// A state, a town, a public hospital.
        PublicBody = "public_body",
    }
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"lines": ["3 rue du Port"], "postal_code": "59000", "city": "Lille", "country": "FR"}))]
pub struct Address {
    /// Lines above the town.
    #[schema(max_items = 6)]
    pub lines: Vec<AddressLine>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20)]
    pub postal_code: Option<String>,
    /// Town.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2, pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
}

/// A person at a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Anne Martin", "role": "accounts payable", "email": "anne.martin@client.example", "phone": "+33612345678", "primary": true}))]
pub struct NewContact {
    /// The person's, or the department's, name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    /// What for, in the creditor's words: a policy's step may ask for a role.
    #[serde(default)]
    #[schema(max_length = 60)]
    pub role: Option<String>,
    /// Where e-mail goes.
    #[serde(default)]
    pub email: Option<Email>,
    /// Where text messages and calls go.
    #[serde(default)]
    pub phone: Option<Phone>,
    /// The person's own language; the customer's if absent.
    #[serde(default)]
    pub language: Option<Language>,
    /// Channels that the person has refused.
    #[serde(default)]
    #[schema(max_items = 5)]
    pub opted_out: Vec<Channel>,
    /// Written to first. At most one contact is.
    #[serde(default)]
    pub primary: bool,
}

/// What may change on a contact; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"opted_out": ["sms"]}))]
pub struct ContactChange {
    /// The person's, or the department's, name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: Option<String>,
    /// What for, in the creditor's words.
    #[schema(max_length = 60)]
    pub role: Option<String>,
    /// Where e-mail goes.
    pub email: Option<Email>,
    /// Where text messages and calls go.
    pub phone: Option<Phone>,
    /// The person's own language.
    pub language: Option<Language>,
    /// Channels that the person has refused; replaces the list.
    #[schema(max_items = 5)]
    pub opted_out: Option<Vec<Channel>>,
    /// Written to first; `true` takes the place of whoever was.
    pub primary: Option<bool>,
}

/// A customer to record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"source": "sage", "external_id": "C-1001", "number": "C-1001", "name": "Garage Dupont", "kind": "business", "segment": "retail",
    "contacts": [{"name": "Anne Martin", "email": "anne.martin@client.example", "primary": true}]}))]
pub struct NewCustomer {
    /// The system that `external_id` comes from.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: Option<String>,
    /// That system's name for the customer: unique in it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: Option<String>,
    /// The customer number, as letters show it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub number: Option<String>,
    /// The debtor's name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: String,
    /// Which law protects it.
    pub kind: CustomerKind,
    /// Where it is; the tenant's if absent.
    #[serde(default)]
    pub jurisdiction: Option<Jurisdiction>,
    /// Its language; the tenant's if absent.
    #[serde(default)]
    pub language: Option<Language>,
    /// IANA zone in which it is contacted; the tenant's if absent.
    #[serde(default)]
    #[schema(max_length = 50, example = "Europe/Paris")]
    pub time_zone: Option<String>,
    /// The creditor's own segment; policies are chosen by it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    pub segment: Option<String>,
    /// Your own score, 1 (very risky) to 5 (safe): it takes the place of the computed one.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5)]
    pub score: Option<i32>,
    /// The policy to use, whatever the scopes of the others say.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
    /// What is done about late-payment interest; without it the policy decides. Of a known customer, `null` clears what was said before.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<InterestHandling>)]
    pub interest: Change<InterestHandling>,
    /// The payment terms of its invoices that give no due dates of their own; without them the tenant's. Of a known customer, `null` clears what was said before.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<TermsId>)]
    pub terms_id: Change<TermsId>,
    /// Registration, tax and other numbers.
    #[serde(default)]
    pub identifiers: Pairs,
    /// Postal address.
    #[serde(default)]
    pub address: Address,
    /// Who a business is.
    #[serde(default)]
    pub company: Company,
    /// The creditor's own notes.
    #[serde(default)]
    pub metadata: Pairs,
    /// People there, in the order in which they are written to. Recording a known customer again adds and changes, and removes nobody.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub contacts: Vec<NewContact>,
}

impl NewCustomer {
    /// Its name in another system, if it has one.
    pub fn key(&self) -> Option<ExternalKey> {
        ExternalKey::of(self.source.as_deref(), self.external_id.as_deref())
    }

    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        external::check(self.source.as_deref(), self.external_id.as_deref(), &mut faults);
        check_zone(self.time_zone.as_deref(), &mut faults);
        if self.contacts.iter().filter(|contact| contact.primary).count() > 1 {
            faults.add("/contacts", "repeated", "at most one contact is primary");
        }
        for (n, contact) in self.contacts.iter().enumerate() {
            faults.nest(&format!("/contacts/{n}"), check_phone(contact.phone.as_ref()));
        }
        faults.nest("", self.company.check());
        faults
    }
}

/// What may change on a customer; absent fields stay as they are, and `null` clears a field that may be empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"segment": "key accounts"}))]
pub struct CustomerChange {
    /// The customer number, as letters show it.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(min_length = 1, max_length = 60, value_type = Option<String>)]
    pub number: Change<String>,
    /// The debtor's name.
    #[schema(min_length = 1, max_length = 140)]
    pub name: Option<String>,
    /// Which law protects it.
    pub kind: Option<CustomerKind>,
    /// Where it is.
    pub jurisdiction: Option<Jurisdiction>,
    /// Its language; cleared: the tenant's.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<Language>)]
    pub language: Change<Language>,
    /// IANA zone in which it is contacted; cleared: the tenant's.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(max_length = 50, example = "Europe/Paris", value_type = Option<String>)]
    pub time_zone: Change<String>,
    /// The creditor's own segment.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(min_length = 1, max_length = 60, value_type = Option<String>)]
    pub segment: Change<String>,
    /// Your own score, 1 (very risky) to 5 (safe): it takes the place of the computed one until it is cleared.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(minimum = 1, maximum = 5, value_type = Option<i32>)]
    pub score: Change<i32>,
    /// The policy to use, whatever the scopes of the others say; cleared: the one whose scope fits.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<PolicyId>)]
    pub policy_id: Change<PolicyId>,
    /// What is done about late-payment interest, whatever the policy says; cleared: the policy decides.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<InterestHandling>)]
    pub interest: Change<InterestHandling>,
    /// The payment terms of its invoices that give no due dates of their own; cleared: the tenant's.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[schema(value_type = Option<TermsId>)]
    pub terms_id: Change<TermsId>,
    /// Registration, tax and other numbers; replaces them all.
    pub identifiers: Option<Pairs>,
    /// Postal address; replaces it all.
    pub address: Option<Address>,
    /// Who a business is; replaces it all.
    pub company: Option<Company>,
    /// The creditor's own notes; replaces them all.
    pub metadata: Option<Pairs>,
}

impl CustomerChange {
    /// The rules that no schema can say.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        check_zone(self.time_zone.new_value().map(String::as_str), &mut faults);
        if let Some(company) = &self.company {
            faults.nest("", company.check());
        }
        faults
    }
}

/// What recording a known customer again changes: whatever is given.
impl From<&NewCustomer> for CustomerChange {
    fn from(new: &NewCustomer) -> Self {
        Self {
            number: new.number.clone().into(),
            name: Some(new.name.clone()),
            kind: Some(new.kind),
            jurisdiction: new.jurisdiction.clone(),
            language: new.language.into(),
            time_zone: new.time_zone.clone().into(),
            segment: new.segment.clone().into(),
            score: new.score.into(),
            policy_id: new.policy_id.into(),
            interest: new.interest,
            terms_id: new.terms_id,
            identifiers: (!new.identifiers.0.is_empty()).then(|| new.identifiers.clone()),
            address: (new.address != Address::default()).then(|| new.address.clone()),
            company: (new.company != Company::default()).then(|| new.company.clone()),
            metadata: (!new.metadata.0.is_empty()).then(|| new.metadata.clone()),
        }
    }
}

/// What is wrong with a person's number.
pub fn check_phone(phone: Option<&Phone>) -> Faults {
    match phone.and_then(|phone| Some((phone.line(), phone.costly()?))) {
        Some((Line::PremiumRate, why)) => Faults::one("/phone", "premium_rate", why),
        Some((_, why)) => Faults::one("/phone", "shared_cost", why),
        None => Faults::none(),
    }
}

fn check_zone(zone: Option<&str>, faults: &mut Faults) {
    if let Some(zone) = zone.filter(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
        faults.add("/time_zone", "unknown_value", format!("{zone:?} is not an IANA time zone; write one such as Europe/Paris"));
    }
}

/// The schema of a list of segments, each as long as a customer's may be.
pub fn segments() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
    let segment = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(60));
    ArrayBuilder::new().description(Some("The creditor's own segments.")).items(segment).max_items(Some(100)).build()
}
