//! What is owed: invoices, their instalments and what settles them.

pub mod ageing;
pub mod allocation;
pub mod commitment;
pub mod direct_debit;
pub mod dispute;
pub mod document;
pub mod hold;
pub mod interest;
pub mod invoice;
pub mod payment_plan;
pub mod promise;
pub mod proposal;
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
