//! The identification checklist: what a tenant wants to know of a customer of each kind before it is given credit, and what of it is missing.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::domain::{
    company::Company,
    customer::{Address, CustomerKind},
    external::Pairs,
};

crate::words! {
    /// A part of a customer's record, beside its identifiers.
    pub enum RecordField {
        /// Its legal form.
        LegalForm = "legal_form",
        /// Its capital.
        Capital = "capital",
        /// What it does.
        ActivityCode = "activity_code",
        /// When it was founded.
        FoundedOn = "founded_on",
        /// Who answers for it.
        Directors = "directors",
        /// An account that it pays from.
        BankAccount = "bank_account",
        /// A postal address, with a town.
        Address = "address",
        /// A person with an e-mail address.
        Email = "email",
        /// A person with a telephone number.
        Phone = "phone",
    }
}

/// The name of an identifier, as customers' `identifiers` have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentifierName(pub String);

impl PartialSchema for IdentifierName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of an identifier, as customers' `identifiers` have it."))
            .min_length(Some(1))
            .max_length(Some(40))
            .examples([serde_json::json!("vat_id")])
            .into()
    }
}
impl ToSchema for IdentifierName {}

/// What must be known of the customers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "business", "identifiers": ["registration_number", "vat_id"], "fields": ["legal_form", "directors"]}))]
pub struct ChecklistRule {
    /// Of which customers.
    pub kind: CustomerKind,
    /// Identifiers that must be there.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub identifiers: Vec<IdentifierName>,
    /// Parts of the record that must be there.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub fields: Vec<RecordField>,
}

/// What is there of a customer.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Which law protects it.
    pub kind: CustomerKind,
    /// Registration, tax and other numbers.
    pub identifiers: &'a Pairs,
    /// Who it is.
    pub company: &'a Company,
    /// Where it is.
    pub address: &'a Address,
    /// Whether somebody there has an e-mail address.
    pub has_email: bool,
    /// Whether somebody there has a telephone number.
    pub has_phone: bool,
}

/// What the checklist wants and the record lacks, by the names of the fields: `identifiers/vat_id`, `legal_form`.
pub fn missing(rules: &[ChecklistRule], record: Record<'_>) -> Vec<String> {
    let company = record.company;
    let is_there = |field: RecordField| match field {
        RecordField::LegalForm => company.legal_form.is_some(),
        RecordField::Capital => company.capital.is_some(),
        RecordField::ActivityCode => company.activity_code.is_some(),
        RecordField::FoundedOn => company.founded_on.is_some(),
        RecordField::Directors => !company.directors.is_empty(),
        RecordField::BankAccount => !company.bank_accounts.is_empty(),
        RecordField::Address => record.address.city.is_some(),
        RecordField::Email => record.has_email,
        RecordField::Phone => record.has_phone,
    };
    let mut lacking = Vec::new();
    for rule in rules.iter().filter(|rule| rule.kind == record.kind) {
        let filled = |name: &str| record.identifiers.0.get(name).is_some_and(|text| !text.trim().is_empty());
        lacking.extend(rule.identifiers.iter().filter(|name| !filled(&name.0)).map(|name| format!("identifiers/{}", name.0)));
        lacking.extend(rule.fields.iter().filter(|field| !is_there(**field)).map(ToString::to_string));
    }
    lacking.sort();
    lacking.dedup();
    lacking
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kind_asks_for_is_missed() {
        let rules: Vec<ChecklistRule> = serde_json::from_value(serde_json::json!([
            {"kind": "business", "identifiers": ["vat_id", "siren"], "fields": ["legal_form", "email", "address"]},
            {"kind": "consumer", "fields": ["phone"]}
        ]))
        .unwrap();
        let identifiers = Pairs([("siren".to_owned(), "732829320".to_owned()), ("vat_id".to_owned(), " ".to_owned())].into());
        let (company, address) = (Company::default(), Address::default());
        let record =
            |kind| Record { kind, identifiers: &identifiers, company: &company, address: &address, has_email: true, has_phone: false };
        assert_eq!(missing(&rules, record(CustomerKind::Business)), ["address", "identifiers/vat_id", "legal_form"]);
        assert_eq!(missing(&rules, record(CustomerKind::Consumer)), ["phone"]);
        assert!(missing(&rules, record(CustomerKind::PublicBody)).is_empty());
    }
}
