//! How what is recorded leaves as a whole.

crate::words! {
    /// How an export is written.
    pub enum ExportFormat {
        /// One JSON value a line.
        Ndjson = "ndjson",
        /// A table in UTF-8; amounts in minor units, and an apostrophe before what a program would take for a formula.
        Csv = "csv",
    }
}
