//! A port that stays reserved while its server is stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Socket, Type};

/// Port of the loopback that only servers of this user can bind, and only those that share it
/// (`SO_REUSEPORT`).
///
/// Connections are refused while no server listens: a socket that is bound but does not listen accepts none.
#[derive(Debug)]
pub(super) struct Port {
    number: u16,
    /// Reserves the port, so that no other program gets it while the server is stopped.
    _held: Socket,
}

impl Port {
    pub(super) fn hold() -> io::Result<Self> {
        let held = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        setsockopt(&held, sockopt::ReusePort, &true)?;
        held.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = held.local_addr()?.as_socket().ok_or_else(|| io::Error::other("it has no address"))?;
        Ok(Self { number: address.port(), _held: held })
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }
}
