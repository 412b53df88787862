//! What a customer is in the eyes of the law. Not the customer's record, which the store keeps.

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
