/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ticket rule (docs/protocol.md) of netboot-agent, netboot-bootd and the machines they
 * boot, for spin. run_spin.sh checks it exhaustively, and checks that each mutant is found
 * to be unsafe:
 *
 *	MUTANT_NO_HOLD     bootd lets the last octets of the last payload go without asking
 *	MUTANT_EARLY_OK    the agent answers before the consumption is durable
 *	MUTANT_NO_REISSUE  the ticket survives bootd's death unchanged
 *	MUTANT_OLD_TABLE   a table read for one bootd is sent to the next
 *	MUTANT_NO_DROP     a script leaves the images that an earlier one had loaded
 *	MUTANT_FORGET      a host leaves the table, or is renamed, and comes again as if nothing
 *	                   had left
 *	MUTANT_ALL_HELD    the answer is taken for every transfer that waits for it
 *
 * One job, an image of a kernel (bit 1) and an initrd (bit 2). Two clients run its script
 * at once: the machine, and a duplicate of all that it asks. Each may lose power at any
 * instant. Agent and bootd may be killed at any instant, CRASHES times in all; bootd never
 * outlives the agent, whose end of the socket it watches.
 *
 * The promise: a complete image is delivered at most once. */

#ifndef CRASHES
#define CRASHES 3
#endif
#define CLIENTS 2
#define EPOCHS (CRASHES + 2)
#define WHOLE 3

mtype = { ASK, OK, NO, ENTRY };

/* Durable, in the agent's spool. Ticket identities are numbers: the n-th one issued. */
byte ticket = 1;
bool consumed = false;

/* bootd's memory. */
byte b_ticket = 1;
bool b_consumed = false;
byte released = 0;  /* payload bits that have left whole */
bool asking = false; /* one question per ticket */
byte ask_client, ask_part, ask_boot;
bool held = false;  /* another transfer of the same part waits for the same answer */
byte held_client, held_boot;

/* The socket: type, ticket, consumed. It dies with either end. */
chan up = [2] of { mtype, byte };
chan down = [4] of { mtype, byte, bool };

/* Clients: the ticket of the script they run (0: none), what they hold, and the number of
 * the run: a connection of an earlier run is dead. */
byte script[CLIENTS];
byte have[CLIENTS];
byte boot[CLIENTS];

byte delivered = 0;
byte crashes = 0;
byte life = 0; /* of the agent: a killed one does nothing more */

/* A whole table is read from the spool, and takes its time to arrive. It is begun anew
 * for a new bootd: what was read for the old one is never sent to it. */
bool snap = false;
byte snap_ticket;
bool snap_consumed;

inline deliver(c, part)
{
	have[c] = have[c] | part;
	if
	:: have[c] == WHOLE -> delivered++; assert(delivered <= 1); script[c] = 0; have[c] = 0
	:: else
	fi
}

/* A new bootd process gets the durable state before it serves anybody. */
inline start_bootd()
{
#ifndef MUTANT_NO_REISSUE
	if
	:: !consumed -> ticket++
	:: else
	fi;
#endif
	do
	:: nempty(up) -> up?_,_
	:: empty(up) -> break
	od;
	do
	:: nempty(down) -> down?_,_,_
	:: empty(down) -> break
	od;
#ifndef MUTANT_OLD_TABLE
	snap = false;
	snap_ticket = 0;
	snap_consumed = false;
#endif
	b_ticket = ticket;
	b_consumed = consumed;
	released = 0;
	asking = false;
	held = false;
	held_client = 0;
	held_boot = 0
}

/* ticket_gate_check(): another payload never released: go; this one would complete the
 * set: ask; all released, or consumed: refuse. */
inline last_octets(c, part)
{
	if
	:: script[c] != b_ticket || b_consumed -> skip	/* 404 */
	:: script[c] == b_ticket && !b_consumed && (released & (WHOLE - part)) == 0 ->
		released = released | part;
		deliver(c, part)
	:: script[c] == b_ticket && !b_consumed && (released & (WHOLE - part)) != 0 &&
	    (released & part) != 0 -> skip		/* refused */
	:: script[c] == b_ticket && !b_consumed && (released & (WHOLE - part)) != 0 &&
	    (released & part) == 0 && !asking ->
#ifdef MUTANT_NO_HOLD
		released = released | part;
		deliver(c, part)
#else
		if
		:: nfull(up) ->
			asking = true;
			ask_client = c;
			ask_part = part;
			ask_boot = boot[c];
			up!ASK,b_ticket
		:: full(up) -> skip
		fi
#endif
	:: else ->					/* waits for the same answer */
		if
		:: part == ask_part -> held = true; held_client = c; held_boot = boot[c]
		:: else
		fi
	fi
}

proctype client(byte c)
{
end:	do
	:: atomic { script[c] == 0 && !b_consumed ->	/* power on, script fetched */
		script[c] = b_ticket;
#ifndef MUTANT_NO_DROP
		have[c] = 0;
#endif
		boot[c] = 1 - boot[c]
	   }
	:: atomic { script[c] != 0 ->			/* power lost */
		script[c] = 0;
		have[c] = 0;
		boot[c] = 1 - boot[c]
	   }
	:: atomic { script[c] != 0 && script[c] != b_ticket ->	/* 404: the script again */
		script[c] = 0;
		boot[c] = 1 - boot[c]
	   }
	:: atomic { script[c] != 0 && (have[c] & 1) == 0 -> last_octets(c, 1) }
	:: atomic { script[c] != 0 && (have[c] & 2) == 0 -> last_octets(c, 2) }
	:: atomic { script[c] != 0 && have[c] != 0 -> have[c] = 0 }	/* fetched once more */
	od
}

/* bootd's end of the socket. */
proctype bootd()
{
	byte t;
	bool used;

end:	do
	:: atomic { down?OK,t,used ->
		b_consumed = true;
		if
		:: asking ->
			asking = false;
			released = released | ask_part;
			if
			:: script[ask_client] == t && boot[ask_client] == ask_boot ->
				deliver(ask_client, ask_part);
#ifdef MUTANT_ALL_HELD
				if
				:: held && script[held_client] == t && boot[held_client] == held_boot ->
					deliver(held_client, ask_part)
				:: else
				fi
#endif
			:: !(script[ask_client] == t && boot[ask_client] == ask_boot) && held &&
			    script[held_client] == t && boot[held_client] == held_boot ->
				deliver(held_client, ask_part)	/* its heir */
			:: else				/* the client is gone: undelivered */
			fi;
			held = false;
			held_client = 0;
			held_boot = 0
		:: else
		fi
	   }
	:: atomic { down?NO,t,used -> asking = false; held = false; held_client = 0; held_boot = 0 }
#ifdef MUTANT_FORGET
	:: atomic { released != 0 && !asking -> released = 0 }
#endif
	:: atomic { down?ENTRY,t,used ->		/* a host entry, perhaps an old one */
		if
		:: t != b_ticket ->
			b_ticket = t;
			released = 0;
			asking = false;
			held = false;
			held_client = 0;
			held_boot = 0
		:: else
		fi;
		b_consumed = used
	   }
	od
}

proctype agent()
{
	byte t;
	bool grant;
	byte mine;

end:	do
	:: atomic { up?ASK,t ->
		mine = life;
		grant = (t == ticket && !consumed)
	   };
#ifdef MUTANT_EARLY_OK
		atomic {
			if
			:: mine == life && grant -> down!OK,t,true
			:: mine == life && !grant -> down!NO,t,false
			:: else
			fi
		};
#endif
		/* Between these steps the killer may strike. */
		atomic {
			if
			:: mine == life && grant -> consumed = true
			:: else
			fi
		};
#ifndef MUTANT_EARLY_OK
		atomic {
			if
			:: mine == life && grant -> down!OK,t,true
			:: mine == life && !grant -> down!NO,t,false
			:: else
			fi
		};
#endif
		atomic { grant = false; t = 0; mine = 0 }
	:: atomic { !snap -> snap = true; snap_ticket = ticket; snap_consumed = consumed }
	:: atomic { snap && nfull(down) ->		/* a whole table takes its time */
		snap = false;
		if
		:: snap_ticket == ticket -> down!ENTRY,snap_ticket,snap_consumed
		:: else
		fi;
		snap_ticket = 0;
		snap_consumed = false
	   }
	:: atomic { crashes < CRASHES -> crashes++; start_bootd() }	/* bootd alone died */
	od
}

/* Kills the agent between its steps: what it was about to do never happens. The spool's
 * state is as it was, the socket is gone, and with it bootd. */
proctype killer()
{
end:	do
	:: atomic { crashes < CRASHES -> crashes++; life++; start_bootd() }
	od
}

init {
	atomic {
		run client(0);
		run client(1);
		run bootd();
		run agent();
		run killer()
	}
}
