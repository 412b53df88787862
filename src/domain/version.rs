//! Versions of what a tenant writes: policies and templates are changed by adding a version, never by editing one.

crate::words! {
    /// Where a version stands.
    pub enum VersionState {
        /// Written, not in force. There is at most one.
        Draft = "draft",
        /// In force. There is at most one.
        Active = "active",
        /// Was in force, or was a draft until another replaced it. May be activated again.
        Retired = "retired",
    }
}
