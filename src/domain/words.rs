//! Closed vocabularies: an enum whose values have one spelling in JSON, in the database and in prose.

/// Declares such an enum. The spelling stands beside the variant, once; `as_str`, `FromStr`, serde, the OpenAPI
/// schema and the store's text column all use it. The schema explains every value by its documentation.
#[macro_export]
macro_rules! words {
    ($(#[doc = $doc:expr])* $vis:vis enum $name:ident { $($(#[doc = $vdoc:expr])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        $vis enum $name { $($(#[doc = $vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling of this value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// What this value means, in a sentence or two.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($vdoc),*).trim_ascii()),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(format!("unknown {}: {other}", stringify!($name))),
                }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::domain::words::schema(concat!($($doc),*), &[$(($text, concat!($($vdoc),*))),+])
            }
        }
        impl utoipa::ToSchema for $name {}
    };
}

/// The schema of a closed vocabulary: its values, each explained.
pub fn schema(about: &str, values: &[(&str, &str)]) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let explained: String = values.iter().map(|(text, meaning)| format!("\n- `{text}`: {}", meaning.trim())).collect();
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .description(Some(format!("{}\n{explained}", about.trim())))
        .enum_values(Some(values.iter().map(|(text, _)| *text)))
        .into()
}
