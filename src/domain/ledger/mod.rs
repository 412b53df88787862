//! What is owed: invoices, their instalments and what settles them.

pub mod allocation;
pub mod document;
pub mod interest;
pub mod invoice;
pub mod settlement;
pub mod terms;

crate::words! {
    /// What an invoice asks for.
    pub enum InvoiceKind {
        /// Goods delivered or services rendered.
        Invoice = "invoice",
        /// Money in advance.
        Deposit = "deposit",
    }
}
