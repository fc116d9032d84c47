//! Address to listen on: parses the text of the user, and binds.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use crate::http::error::HttpError;

/// Host for a port alone: no access from other machines unless requested.
const LOOPBACK: &str = "127.0.0.1";

/// Listens on the first address of `address` that is free.
pub(super) fn listen(address: &str) -> Result<TcpListener, HttpError> {
    let addresses =
        resolve(address).map_err(|source| HttpError::Address { address: address.to_owned(), source })?;
    TcpListener::bind(addresses.as_slice()).map_err(|source| {
        let advice = match source.kind() {
            ErrorKind::AddrInUse => "the port is in use, choose another port, or 0 for any free one",
            ErrorKind::AddrNotAvailable => "this machine has no such address",
            ErrorKind::PermissionDenied => "ports below 1024 need privileges, choose one above 1023",
            _ => "choose another address",
        };
        HttpError::Bind { address: address.to_owned(), advice, source }
    })
}

fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    let port = address.strip_prefix(':').unwrap_or(address);
    let addresses: Vec<SocketAddr> = match port.parse::<u16>() {
        Ok(port) => (LOOPBACK, port).to_socket_addrs()?.collect(),
        Err(_) => address.to_socket_addrs()?.collect(),
    };
    if addresses.is_empty() {
        return Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_means_this_machine_only() {
        for address in ["9090", ":9090", "127.0.0.1:9090"] {
            assert_eq!(resolve(address).unwrap(), ["127.0.0.1:9090".parse().unwrap()], "{address}");
        }
        assert_eq!(resolve("0.0.0.0:80").unwrap(), ["0.0.0.0:80".parse().unwrap()]);
        assert_eq!(resolve("[::1]:80").unwrap(), ["[::1]:80".parse().unwrap()]);
    }

    #[test]
    fn errors_name_the_address_and_give_advice() {
        for wrong in ["", ":", "localhost", "99999", "127.0.0.1", "127.0.0.1:http", "::1:x"] {
            let error = listen(wrong).unwrap_err();
            assert!(matches!(&error, HttpError::Address { .. }), "{wrong}: {error:?}");
            assert!(
                error.to_string().contains(&format!("`{wrong}`"))
                    && error.to_string().contains("0.0.0.0:9090")
            );
        }
        let taken = listen("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = listen(&address).unwrap_err().to_string();
        assert!(error.contains(&address) && error.contains("another port"), "{error}");
        // A network reserved for documentation.
        let error = listen("192.0.2.1:9090").unwrap_err().to_string();
        assert!(error.contains("192.0.2.1:9090") && error.contains("no such address"), "{error}");
    }
}
