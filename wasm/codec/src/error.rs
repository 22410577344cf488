use std::fmt;

pub type Result<T> = std::result::Result<T, Error>;

/// Error names of docs/format.md section 9, plus misuse of the API; the strings are those of src/codec/errors.ts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    BadMagic,
    Unsupported,
    Truncated,
    Corrupt,
    Limit,
    WrongProfile,
    UnknownLevel,
    BudgetTooSmall,
    InvalidArgument,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadMagic => "bad-magic",
            Self::Unsupported => "unsupported",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Limit => "limit",
            Self::WrongProfile => "wrong-profile",
            Self::UnknownLevel => "unknown-level",
            Self::BudgetTooSmall => "budget-too-small",
            Self::InvalidArgument => "invalid-argument",
        }
    }
}

/// A code for programs and a sentence for people: where, what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    message: String,
}

impl Error {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// `place: expected .., got ..`
    pub(crate) fn expected(
        code: ErrorCode,
        place: &str,
        expected: impl fmt::Display,
        got: impl fmt::Display,
    ) -> Self {
        Self::new(code, format!("{place}: expected {expected}, got {got}"))
    }

    pub(crate) fn corrupt(place: &str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::expected(ErrorCode::Corrupt, place, expected, got)
    }

    pub(crate) fn unsupported(place: &str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::expected(ErrorCode::Unsupported, place, expected, got)
    }

    pub(crate) fn truncated(place: &str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::expected(ErrorCode::Truncated, place, format_args!("{expected} bytes"), got)
    }

    pub(crate) fn limit(place: &str, maximum: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self::expected(ErrorCode::Limit, place, format_args!("at most {maximum}"), got)
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    pub fn code(&self) -> ErrorCode {
        self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}
