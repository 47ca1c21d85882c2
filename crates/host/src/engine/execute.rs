//! What the engine does for each request.

use super::{Caller, Engine};
use crate::memory::Look;
use crate::offers::{lingers, stamps};
use crate::proto::{Answer, HOSTS_A_PAGE, Handle, HostMemory, LOOKS_A_PAGE, Reply, Request};
use crate::table::{Entry, Held, condition};
use sockeye_buffer::{Condition, Mark, token};
use sockeye_clock::Instant;
use sockeye_stack::{Error, Family, HostId, ListPlace, Shutdown, SocketOption};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

impl Engine {
    /// Executes a request and settles. It never blocks.
    pub(crate) fn execute(&mut self, now: Instant, caller: Caller, request: Request) -> Answer {
        if needs_hang_ups(&request) {
            self.answer_hang_ups(now);
            self.look_at_rung(now, Look::AtAll);
        }
        self.execute_now(now, caller, request)
    }

    /// The same, for who serves others meanwhile: `None` if something is over that must be closed first, which takes its time. A part of it
    /// is done then, and the request is to be tried again.
    pub(crate) fn try_execute(&mut self, now: Instant, caller: Caller, request: &Request) -> Option<Answer> {
        if needs_hang_ups(request) {
            if self.close_hung_up(now) {
                return None;
            }
            self.look_at_rung(now, Look::AtAll);
        }
        // Its lines are to tell of nobody who has ended.
        if matches!(request, Request::Sockets { .. }) && self.is_closing() {
            return None;
        }
        let answer = self.execute_now(now, caller, request.clone());
        let is_taken = matches!(answer.reply, Reply::Failed(Error::AddressInUse));
        // By one that is still to be closed, it may be.
        (!(is_taken && needs_ends(request) && self.is_closing())).then_some(answer)
    }

    /// The same, whatever is not closed yet.
    pub(crate) fn execute_now(&mut self, now: Instant, caller: Caller, request: Request) -> Answer {
        tracing::debug!(client = caller.client.0, ?request);
        self.look_before(now, caller, &request);
        let answer = self
            .check_holder(now, caller, &request)
            .and_then(|()| self.dispatch(now, caller, request))
            .unwrap_or_else(Answer::from);
        self.settle(now);
        answer
    }

    /// What the caller did before it asked comes first.
    fn look_before(&mut self, now: Instant, caller: Caller, request: &Request) {
        let table = self.table.lock();
        let arena = request.tag().and_then(|tag| table.entry(tag)).map(|entry| entry.place().0);
        drop(table);
        self.look_at_rung(now, Look::Before(caller.pool(), arena));
    }

    /// Refuses what is asked of a socket that another process has alone.
    fn check_holder(&mut self, now: Instant, caller: Caller, request: &Request) -> Result<(), Error> {
        let Some(tag) = request.tag() else { return Ok(()) };
        // It may be one that the caller has just accepted.
        self.settle_claims(now, tag);
        match self.table.lock().entry(tag) {
            Some(entry) if entry.is_of_another(caller.client) => Err(Error::BadDescriptor),
            Some(_) | None => Ok(()),
        }
    }

    fn dispatch(&mut self, now: Instant, caller: Caller, request: Request) -> Result<Answer, Error> {
        match request {
            Request::Hello { .. } => Err(Error::InvalidArgument),
            Request::Socket { family } => self.socket(now, caller, family),
            Request::Token => self.make_token(caller),
            Request::Give { tag, token } => self.give(caller, tag, token),
            Request::Adopt { token } => self.adopt(caller, token),
            Request::Watch { tag } => {
                self.id(tag)?;
                Ok(Reply::Watch(self.table.lock().watch(tag, caller.client)).into())
            }
            Request::Watches => self.lend_watches(caller),
            Request::Bell { group } => self.bell(caller, group),
            Request::Bind { tag, address } => done(self.network.bind(self.id(tag)?, address)),
            Request::Listen { tag, backlog } => self.listen(tag, backlog),
            Request::Accept { tag } => self.accept(now, caller, tag),
            Request::Connect { tag, address } => self.connect(now, tag, address),
            Request::FastOpen { tag, address } => self.fast_open(now, tag, address),
            Request::Launch { tag } => self.launch(now, tag),
            Request::Shutdown { tag, how } => self.shutdown(now, tag, how),
            Request::SetOption { tag, option } => self.set_option(now, tag, option),
            Request::Option { tag, name } => {
                self.apply_flags(now, tag);
                Ok(Reply::Option(self.network.option(self.id(tag)?, name)?).into())
            }
            Request::Sysctl { name } => Ok(Reply::Sysctl(self.network.sysctl(caller.host, &name)).into()),
            Request::SetSysctl { name, text } => {
                let set = self.network.set_sysctl(caller.host, &name, &text);
                Ok(Reply::SysctlSet(set.map_err(|error| error.to_string())).into())
            }
            Request::TakeReport { tag } => self.take_report(tag),
            Request::TakeSoftError { tag } => self.take_soft_error(tag),
            Request::Info { tag } => self.info(now, tag),
            Request::Mark { tag, mark, offset } => self.mark(now, tag, mark, offset),
            Request::Unmark { tag } => {
                let id = self.id(tag)?;
                self.network.doorbell(now, id);
                self.network.unmark(id);
                Ok(Reply::Done.into())
            }
            Request::LocalAddress { tag } => {
                Ok(Reply::Address(self.network.local_address(self.id(tag)?)?).into())
            }
            Request::PeerAddress { tag } => {
                Ok(Reply::Address(self.network.peer_address(self.id(tag)?)?).into())
            }
            Request::Arm { tag } => self.arm(caller, tag),
            Request::Forget { tag } | Request::Close { tag } => {
                self.forget(now, tag, caller.client);
                Ok(Reply::Done.into())
            }
            Request::Linger { tag } => Ok(Reply::Linger(self.linger(caller, tag)).into()),
            Request::Lingered { tag } => {
                self.table.lock().lingered(tag, caller.client);
                Ok(Reply::Done.into())
            }
            Request::Arena { id } => self.arena(caller, id),
            Request::Sockets { all_hosts, from } => Ok(self.lines(caller, all_hosts, from).into()),
            Request::Memory { all_hosts, offset } => Ok(self.memory(caller, all_hosts, offset).into()),
            Request::Wake => Ok(Reply::Done.into()),
        }
    }

    fn socket(&mut self, now: Instant, caller: Caller, family: Family) -> Result<Answer, Error> {
        let tag = self.table.lock().add(caller.pool(), caller.host, family)?.tag;
        let id = self.network.socket(caller.host, family, tag).inspect_err(|_| self.close(now, tag))?;
        if let Some(entry) = self.table.lock().entry_mut(tag) {
            entry.id = Some(id);
        }
        Ok(Reply::Socket(self.hold(caller, tag)?).into())
    }

    /// The caller holds the socket from now on.
    pub(super) fn hold(&mut self, caller: Caller, tag: u64) -> Result<Handle, Error> {
        self.with_entry(tag, |entry| entry.held = Held::By(caller.client))?;
        self.table.lock().tie(tag, caller.client);
        self.handle(caller, tag)
    }

    fn make_token(&mut self, caller: Caller) -> Result<Answer, Error> {
        let (id, descriptor) = self.tokens.make(caller.client, self.instance, self.watcher.as_fd())?;
        Ok(Answer { reply: Reply::Token(id), descriptors: vec![descriptor] })
    }

    /// A socket that the caller holds gets a token of the caller's. In two requests, so that a descriptor for which the caller has
    /// no room is not missed by anybody.
    fn give(&mut self, caller: Caller, tag: u64, token: u64) -> Result<Answer, Error> {
        let mut table = self.table.lock();
        let entry = table.entry_mut(tag).filter(|entry| entry.held == Held::By(caller.client));
        let entry = entry.ok_or(Error::BadDescriptor)?;
        entry.token = Some(self.tokens.give(token, caller.client, tag).ok_or(Error::BadDescriptor)?);
        entry.held = Held::ByToken(token);
        Ok(Reply::Done.into())
    }

    /// How the caller finds the socket, which it watches from now on.
    fn handle(&self, caller: Caller, tag: u64) -> Result<Handle, Error> {
        let mut table = self.table.lock();
        let watch = table.watch(tag, caller.client);
        table.entry(tag).map(|entry| entry.handle(watch)).ok_or(Error::BadDescriptor)
    }

    fn adopt(&mut self, caller: Caller, token: u64) -> Result<Answer, Error> {
        let tag = self.tokens.tag(token).ok_or(Error::BadDescriptor)?;
        if self.table.lock().entry(tag).is_none_or(|entry| entry.held != Held::ByToken(token)) {
            return Err(Error::BadDescriptor);
        }
        Ok(Reply::Socket(self.handle(caller, tag)?).into())
    }

    fn bell(&self, caller: Caller, group: u32) -> Result<Answer, Error> {
        let table = self.table.lock();
        let watches = table.watches(caller.client).ok_or(Error::InvalidArgument)?;
        Ok(Answer { reply: Reply::Done, descriptors: vec![watches.list.new_bell(group, self.quota)?] })
    }

    fn listen(&mut self, tag: u64, backlog: i32) -> Result<Answer, Error> {
        self.network.listen(self.id(tag)?, backlog)?;
        self.with_entry(tag, |entry| {
            entry.begin_offering();
            entry.change_condition(Condition::LISTENING, 0);
        })
    }

    fn shutdown(&mut self, now: Instant, tag: u64, how: Shutdown) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        self.apply_flags(now, tag);
        self.network.hide_info(id);
        // Every byte published before this goes before the FIN.
        self.network.doorbell(now, id);
        let is_listening = self.table.lock().entry(tag).is_some_and(Entry::is_listening);
        if is_listening && how != Shutdown::Write {
            self.stop_offering(now, tag);
        }
        if let Err(error) = self.network.shutdown(now, id, how) {
            // As Linux: who polls is woken also where there is nothing to shut.
            self.with_entry(tag, |entry| entry.post(Mark::STATE))?;
            return Err(error);
        }
        self.with_entry(tag, |entry| {
            match (is_listening, how) {
                (false, _) => entry.change_condition(shut_bits(how), 0),
                (true, Shutdown::Write) => {}
                (true, Shutdown::Read | Shutdown::Both) => entry.change_condition(0, Condition::LISTENING),
            }
            entry.wake_readers();
            entry.wake_writers();
            entry.mirror();
            entry.post(Mark::STATE);
        })
    }

    fn set_option(&mut self, now: Instant, tag: u64, option: SocketOption) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        self.apply_flags(now, tag);
        self.network.hide_info(id);
        self.network.doorbell(now, id);
        self.network.set_option(now, id, option)?;
        let set = lingers(&self.network, id) | stamps(&self.network, id);
        self.with_entry(tag, |entry| {
            entry.change_condition(set, (condition::LINGER | condition::STAMPS) & !set);
            entry.mirror();
            entry.post_room();
        })
    }

    fn info(&mut self, now: Instant, tag: u64) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        self.apply_flags(now, tag);
        // As Linux, where a send() that has returned has sent what can be sent.
        self.network.doorbell(now, id);
        self.settle(now);
        let info = self.network.tcp_info(now, id)?;
        self.network.note_info_asked(now, id);
        Ok(Reply::Info(Box::new(info)).into())
    }

    fn mark(
        &mut self,
        now: Instant,
        tag: u64,
        mark: sockeye_stack::Mark,
        offset: u64,
    ) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        self.apply_flags(now, tag);
        // What was published before may have been sent meanwhile.
        self.network.doorbell(now, id);
        done(self.network.mark(now, id, mark, offset))
    }

    fn take_report(&mut self, tag: u64) -> Result<Answer, Error> {
        let (report, more) = self.network.take_report(self.id(tag)?)?;
        if !more {
            self.with_entry(tag, |entry| entry.change_condition(0, condition::REPORTS))?;
        }
        Ok(Reply::Report(report).into())
    }

    /// The memory of slots: of the caller's own, or of a process of which the caller was given a socket.
    fn arena(&self, caller: Caller, id: u64) -> Result<Answer, Error> {
        let table = self.table.lock();
        let has_some = || table.entries().any(|entry| entry.is_in(id, caller.client));
        if !table.memory.is_of(caller.pool(), id) && !has_some() {
            return Err(Error::InvalidArgument);
        }
        let arena = table.memory.arena_descriptor(id)?;
        Ok(Answer { reply: Reply::Arena, descriptors: vec![arena] })
    }

    fn take_soft_error(&mut self, tag: u64) -> Result<Answer, Error> {
        let error = self.network.take_soft_error(self.id(tag)?)?;
        self.with_entry(tag, |entry| entry.change_condition(0, condition::SOFT_ERROR))?;
        Ok(Reply::SoftError(error).into())
    }

    fn arm(&mut self, caller: Caller, tag: u64) -> Result<Answer, Error> {
        self.id(tag)?;
        self.table.lock().tie(tag, caller.client);
        self.with_entry(tag, |entry| {
            if !entry.armers.contains(&caller.client) {
                entry.armers.push(caller.client);
            }
            entry.slot.header().readiness.armed.fetch_max(token::ARMED, Ordering::SeqCst);
            entry.mirror();
            let word = entry.condition();
            let has_failed = entry.slot.header().engine.error.load(Ordering::SeqCst) != 0;
            let is_reset = word & Condition::CLOSED != 0 && word & Condition::END_OF_FILE == 0;
            if has_failed || is_reset {
                entry.show_reset();
            }
        })
    }

    /// How long a process must wait that has closed its descriptors. Others may still have some: then it need not.
    fn linger(&mut self, caller: Caller, tag: u64) -> Option<u32> {
        const OVER: u32 = Condition::DRAINED | Condition::CLOSED;
        let mut table = self.table.lock();
        let entry = table.entry_mut(tag).filter(|entry| entry.held == Held::Nobody)?;
        let seconds = entry.linger.filter(|&seconds| seconds > 0 && entry.condition() & OVER == 0)?;
        if !entry.lingering.contains(&caller.client) {
            entry.lingering.push(caller.client);
        }
        table.tie(tag, caller.client);
        Some(seconds)
    }

    /// A page of netstat's lines.
    fn lines(&mut self, caller: Caller, all_hosts: bool, from: ListPlace) -> Reply {
        let host = (!all_hosts).then_some(caller.host);
        let mut found = Vec::new();
        let next = self.network.list(host, from, LOOKS_A_PAGE, &mut found);
        let names = self.network.host_names();
        let name = |id: HostId| names.get(id.0 as usize).copied().unwrap_or_default().to_owned();
        Reply::Sockets { lines: found.into_iter().map(|info| (name(info.host), info)).collect(), next }
    }

    /// A page of what hosts hold.
    fn memory(&mut self, caller: Caller, all_hosts: bool, offset: u32) -> Reply {
        let names: Vec<String> = self.network.host_names().into_iter().map(ToOwned::to_owned).collect();
        let is_wanted = |index: u32| all_hosts || index == caller.host.0;
        let mut wanted = (0..).zip(names).filter(|(index, _)| is_wanted(*index)).skip(offset as usize);
        let mut hosts = Vec::new();
        for (index, host) in wanted.by_ref().take(HOSTS_A_PAGE) {
            let id = HostId(index);
            if let (Some(usage), Some(counters)) = (self.network.memory_usage(id), self.network.counters(id))
            {
                hosts.push(HostMemory { host, usage, counters });
            }
        }
        Reply::Memory { hosts, more: wanted.next().is_some() }
    }

    pub(super) fn with_entry(&mut self, tag: u64, change: impl FnOnce(&mut Entry)) -> Result<Answer, Error> {
        change(self.table.lock().entry_mut(tag).ok_or(Error::BadDescriptor)?);
        Ok(Reply::Done.into())
    }
}

/// Whether what a program has closed just before the request must have taken effect: it expects that its port is free, say.
fn needs_hang_ups(request: &Request) -> bool {
    matches!(
        request,
        Request::Bind { .. }
            | Request::Listen { .. }
            | Request::Connect { .. }
            | Request::FastOpen { .. }
            | Request::Linger { .. }
            | Request::Sockets { .. }
            | Request::Memory { .. }
            // For what the caller has just accepted.
            | Request::Arena { .. }
    )
}

/// Whether it must be known who has ended: the ports that a program had are free then, and its connections not listed.
pub(crate) fn needs_ends(request: &Request) -> bool {
    matches!(request, Request::Bind { .. } | Request::Listen { .. } | Request::Sockets { .. })
}

fn shut_bits(how: Shutdown) -> u32 {
    match how {
        Shutdown::Read => Condition::RECV_SHUT,
        Shutdown::Write => Condition::SEND_SHUT,
        Shutdown::Both => Condition::RECV_SHUT | Condition::SEND_SHUT,
    }
}

fn done(result: Result<(), Error>) -> Result<Answer, Error> {
    result.map(|()| Reply::Done.into())
}
