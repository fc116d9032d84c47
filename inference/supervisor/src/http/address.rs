//! Where to listen: what people write becomes a socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use super::HttpError;

/// What a port alone means: nobody gets in whom nobody asked in.
const LOOPBACK: &str = "127.0.0.1";

/// Listens on the first address that `address` stands for and that can be had.
pub(super) fn listen(address: &str) -> Result<TcpListener, HttpError> {
    let addresses =
        resolve(address).map_err(|source| HttpError::Address { address: address.to_owned(), source })?;
    TcpListener::bind(addresses.as_slice()).map_err(|source| {
        let advice = match source.kind() {
            ErrorKind::AddrInUse => {
                "something else listens there, choose another port, or 0 for any that is free"
            }
            ErrorKind::AddrNotAvailable => "this machine has no such address",
            ErrorKind::PermissionDenied => "low ports need rights, choose one above 1023",
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
    fn a_port_alone_is_for_this_machine_alone() {
        for address in ["9090", ":9090", "127.0.0.1:9090"] {
            assert_eq!(resolve(address).unwrap(), ["127.0.0.1:9090".parse().unwrap()], "{address}");
        }
        assert_eq!(resolve("0.0.0.0:80").unwrap(), ["0.0.0.0:80".parse().unwrap()]);
        assert_eq!(resolve("[::1]:80").unwrap(), ["[::1]:80".parse().unwrap()]);
    }

    #[test]
    fn errors_name_the_address_and_say_what_to_do() {
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
        // Of a network for documents.
        let error = listen("192.0.2.1:9090").unwrap_err().to_string();
        assert!(error.contains("192.0.2.1:9090") && error.contains("no such address"), "{error}");
    }
}
