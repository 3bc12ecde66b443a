//! Who may use the page: this machine, or whoever has the token.
//!
//! A page that moves a robot must not be moved by others. Three things are checked for every request:
//!
//! - that it is for this server by name (`Host`): a name that somebody else made point here is refused;
//! - that it comes from this page (`Origin`): what other web sites have a browser send is refused;
//! - where the server is open to the network, that it carries the token.

use std::net::IpAddr;

/// The name of the cookie that carries the token.
pub(crate) const COOKIE: &str = "grasp_anything_token";

/// Shorter tokens can be guessed.
const LEAST_TOKEN: usize = 16;

/// Why the page cannot be served like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// An address of the network without a token.
    #[error(
        "viewer: {address} can be reached from the network, where anybody could move the robot; set the parameter token \
         to {LEAST_TOKEN} characters or more, or leave the parameter address at 127.0.0.1"
    )]
    NoToken {
        /// The address.
        address: IpAddr,
    },
    /// A token that is too short or cannot be part of an address.
    #[error("viewer: the parameter token needs {LEAST_TOKEN} or more letters, digits, - or _")]
    BadToken,
}

/// What a request says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claim<'a> {
    /// The header `Host`.
    pub(crate) host: Option<&'a str>,
    /// The header `Origin`, which browsers add to what a page sends.
    pub(crate) origin: Option<&'a str>,
    /// The token that it carries.
    pub(crate) token: Option<&'a str>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("this server does not go by that name")]
    Host,
    #[error("another web site sent this")]
    Origin,
    #[error("the token is missing or wrong; open the page with ?token=... as its address")]
    Token,
}

/// The rules for one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    address: IpAddr,
    port: u16,
    token: Option<String>,
}

impl Access {
    /// The rules for a server at `address` and `port`; an empty token is none.
    ///
    /// # Errors
    /// Without a token for an address that others can reach, and for a token that is too short.
    pub fn new(address: IpAddr, port: u16, token: &str) -> Result<Self, AccessError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let token = match token {
            "" if address.is_loopback() => None,
            "" => return Err(AccessError::NoToken { address }),
            token if token.len() < LEAST_TOKEN || !token.chars().all(is_plain) => {
                return Err(AccessError::BadToken);
            }
            token => Some(token.to_owned()),
        };
        Ok(Self {
            address,
            port,
            token,
        })
    }

    /// Where the page is, for a person to open.
    pub(crate) fn url(&self) -> String {
        let host = match self.address {
            address if address.is_unspecified() => "<this machine>".to_owned(),
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        let token = match &self.token {
            Some(_) => "/?token=<the token>",
            None => "",
        };
        format!("http://{host}:{}{token}", self.port)
    }

    /// Whether a request is to be answered.
    pub(crate) fn check(&self, claim: Claim<'_>) -> Result<(), Denied> {
        let host = claim.host.ok_or(Denied::Host)?;
        if !self.is_own_name(host) {
            return Err(Denied::Host);
        }
        let own = format!("http://{host}");
        if claim.origin.is_some_and(|origin| origin != own) {
            return Err(Denied::Origin);
        }
        match &self.token {
            Some(token) if !claim.token.is_some_and(|given| is_same(given, token)) => {
                Err(Denied::Token)
            }
            _ => Ok(()),
        }
    }

    /// Numeric addresses and `localhost` cannot be made to point elsewhere; other names only pass with a token.
    fn is_own_name(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        if port != Some(self.port) {
            return false;
        }
        let name = name.trim_start_matches('[').trim_end_matches(']');
        self.token.is_some() || name == "localhost" || name.parse::<IpAddr>().is_ok()
    }
}

/// Compares in a time that does not tell how much is right.
fn is_same(given: &str, token: &str) -> bool {
    given.len() == token.len()
        && given
            .bytes()
            .zip(token.bytes())
            .fold(0, |differences, (a, b)| differences | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKEN: &str = "0123456789abcdef";

    fn check(
        access: &Access,
        host: &str,
        origin: Option<&str>,
        token: Option<&str>,
    ) -> Option<Denied> {
        let claim = Claim {
            host: Some(host),
            origin,
            token,
        };
        access.check(claim).err()
    }

    #[test]
    fn this_machine_needs_no_token() {
        let access = Access::new("127.0.0.1".parse().unwrap(), 8350, "").unwrap();
        for host in ["127.0.0.1:8350", "localhost:8350", "[::1]:8350"] {
            assert_eq!(check(&access, host, None, None), None, "{host}");
            let own = format!("http://{host}");
            assert_eq!(check(&access, host, Some(&own), None), None, "{host}");
        }
        assert_eq!(access.url(), "http://127.0.0.1:8350");
    }

    #[test]
    fn other_sites_are_refused() {
        let access = Access::new("127.0.0.1".parse().unwrap(), 8350, "").unwrap();
        let evil = Some("http://evil.example");
        assert_eq!(
            check(&access, "127.0.0.1:8350", evil, None),
            Some(Denied::Origin)
        );
        let null = Some("null");
        assert_eq!(
            check(&access, "127.0.0.1:8350", null, None),
            Some(Denied::Origin)
        );
        // Another port of this machine is another site, too.
        let neighbour = Some("http://127.0.0.1:9000");
        assert_eq!(
            check(&access, "127.0.0.1:8350", neighbour, None),
            Some(Denied::Origin)
        );
        // A name that was made to point here.
        assert_eq!(
            check(&access, "evil.example:8350", None, None),
            Some(Denied::Host)
        );
        assert_eq!(access.check(Claim::default()), Err(Denied::Host));
    }

    #[test]
    fn the_network_needs_the_token() {
        let network: IpAddr = "0.0.0.0".parse().unwrap();
        assert_eq!(
            Access::new(network, 8350, ""),
            Err(AccessError::NoToken { address: network })
        );
        assert_eq!(
            Access::new(network, 8350, "short"),
            Err(AccessError::BadToken)
        );
        assert_eq!(
            Access::new(network, 8350, "0123456789 abcdef"),
            Err(AccessError::BadToken)
        );
        let access = Access::new(network, 8350, TOKEN).unwrap();
        assert_eq!(check(&access, "robot.lan:8350", None, Some(TOKEN)), None);
        assert_eq!(
            check(&access, "robot.lan:8350", None, None),
            Some(Denied::Token)
        );
        assert_eq!(
            check(&access, "robot.lan:8350", None, Some("0123456789abcdeF")),
            Some(Denied::Token)
        );
        assert!(!access.url().contains(TOKEN), "logs are read by many");
    }

    proptest! {
        #[test]
        fn no_header_panics_or_opens_the_door(host in ".*", origin in ".*", token in ".*") {
            let access = Access::new("0.0.0.0".parse().unwrap(), 8350, TOKEN).unwrap();
            prop_assume!(token != TOKEN);
            prop_assert!(check(&access, &host, Some(&origin), Some(&token)).is_some());
        }
    }
}
