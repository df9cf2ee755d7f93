"""The behaviours of the run's decider: a run is decided by the one that it began with, to its end.

``RunCreated`` pins the number (absent: 1). Whatever changes what a decision says, a rule, the order
of its facts, a text that the model reads, takes the next number: raise ``CURRENT``, say here what
changed, write ``if run.behaviour >= n`` at the place, and record the histories of the new number
with ``python -m tests.replay.record``. Old numbers stay decidable for good: the journal is audited
by deciding it again.

1. Everything up to the first release that had numbers.
2. Texts for people are a code with its parameters (``events/wording.py``); texts for the model are
   still recorded as it reads them. ``state_hash`` covers more of the state.
3. A transcript that is larger than the agent's budget of tokens, or too heavy to be carried to a
   pool, is not shown whole: a context call chooses from it, and the model call names what was
   chosen. ``state_hash`` covers the run's own open calls and what the model is shown.
4. A command whose decision raises has an outcome on record: the call fails, the control is ignored,
   the request is refused, each with the code ``undecidable``. Before, it was a dead letter. A run
   with a limit of money ends after the first answer whose price is not known. A call whose tool
   needs scopes that the requester has not is forbidden before it begins; one of level 4 or above
   asks a person whatever its contract says. A request without a tenant or a user is refused.
   Arguments are checked by ``events.json_schema``, in bounded steps, those of the control tools
   too, and a completion may name only artifacts that the run knows of.
5. The schemas of tools ask the model why it makes a call; what it says is the reason of the call
   and the summary of the decision, and no argument. The beginning of a tool call says its step and
   whether it may simply be made again. A call whose result cannot be decided is uncertain where
   making it again could do harm. The attachments of a request are shown to the model with the
   goal; too many or too large ones are refused. A run with a limit of money records whether the
   prices of its models were known when it began.
6. A call in a pool begins when the run, asked, permits it (``CallBegun``); its time-out runs from
   there, and what nobody has begun is handed out again (``CallHandedOutAgain``). A call that cannot
   begin is held (``CallHeld``), which counts as no try and as no call; a paused run holds what asks
   to begin. ``state_hash`` covers what is known of the beginning.
7. A run whose tenant has a policy in force asks its tenant before it begins (``RunQueued``), begins
   when it is admitted (``RunAdmitted``), within what is set aside for it, and tells its tenant when
   it ends (``RunSettled``). It may be extended, waits for more where its agent or its tenant says
   so, makes its calls as fast as its tenant allows, and no more retries than it has.
   Time in the queue is no working time. Policies in force for the tenant
   decide on beginning a run, on its model calls and on its tool calls, these again where a call
   begins later than it was judged, and on model calls that wait in a pool. A call about which a
   policy has a server asked begins after its answer (``PolicyAsked``, ``PolicyAnswered``). What a
   default model stands for is on record where anything may speak of it. A model's answer says for
   how many values of each kind the model was shown tokens (``redacted``). A run that has read what
   strangers wrote (``untrusted`` results) asks a person from risk level 2 on. An agent's brakes
   watch its runs: a threshold that is crossed is on record with what follows. A judge may be asked
   for goal drift. A call whose tool is left alone after failures is skipped, or ends the run, where
   the agent says so. A call whose contract says how is tried by a dry run first, by its level
   (``DryRunStarted``). At level 4 a person is asked whatever the agent says. A decision of a
   person names what was shown, and may be stale; an approval may hold for other calls of the run;
   policies say who may approve and steer, and how many approve. A person can take a run over,
   answer in the model's and in tools' places, and hand it back. While nobody decides, others are
   asked where the agent says so, and a decision says for whom it was made. Where credentials are
   asked for, what they proved is on record, and who proves nothing is refused (``unproved``).
   ``state_hash`` covers what strangers' words the run has read, by which policies its calls were
   judged, what its brakes remember, who approved what, who holds it, and who is asked.
8. Persons are told apart by what their names say, and not by how they are spelled. Whoever acts for
   another, or for the requester, may not approve or do what that person may not. An approval that
   holds for more, and one of several, counts only as long as its persons may approve, and act for
   whom they acted. Whoever resolves an uncertain call has not approved it. Time approves nothing
   for which policies ask a person. A result that a person gives fits the contract of the tool.
   What strangers wrote is looked through for orders to its reader, and a model's answer for what is
   personal or secret: the results say what was found (``signs``, ``exposed``).
   A run that waits for more begins nothing at all: no retry, no dry run, nothing that asks from a
   pool. Dry runs begin where tool calls do, so they wait while the run is paused, are judged again
   by policies that have changed meanwhile, and count and wait as the rate of tool calls says.
   What is set aside for a model call that is withdrawn stays set aside until it is known what it
   cost (``LateResultNoted``, of one that failed too), and a run that ends tells its tenant what its
   calls that are out may still cost (``RunSettled.held``).
9. What a control led to says which request of a surface it was asked for with (``origin``).
   A request's response profile is a definition: the run pins what its name stands for, its model is
   told of it, its tools are given it, and a name that stands for nothing is refused.
   A call whose tool is an agent is made by a run of its own (``ChildRunRequested``), which has
   what its parent has left, begins without asking the tenant, gets the signals that its parent gets
   (``ChildRunSignalled``, ``ParentSignalled``), and comes back (``ChildRunEnded``). The steps of a
   flow decide what is called, and no model does (``FlowStarted``, ``StepStarted``, ``StepEnded``).
   ``state_hash`` covers the runs that make calls, what they used, and where each step stands.
"""

from __future__ import annotations

from runfold.processors.engine.aggregate import NewerReleaseError

FIRST = 1
CURRENT = 9

BY_PERMISSION = 6
"""The behaviour from which calls begin by permission and are held where they cannot begin."""

APPROVALS = 7
"""The behaviour from which a decision names what was shown, and an approval holds for more."""

AT_STAKE = 8
"""The behaviour from which what a call may still cost stays set aside."""

BRAKES = 7
"""The behaviour from which an agent's brakes watch its runs."""
BY_CREDENTIAL = 7
"""The behaviour from which it is on record what the credential of who asked proved."""
BY_POLICIES = 7
"""The behaviour from which policies as code decide."""
ESCALATION = 7
"""The behaviour from which others are asked while nobody decides."""
TAKE_OVER = 7
"""The behaviour from which people can answer in the model's place."""
BY_LEVELS = 7
"""The behaviour from which calls of a high level are tried by a dry run first."""
BY_TAINT = 7
"""The behaviour from which a run keeps what it has read of strangers."""
WITH_SIGNS = 8
"""The behaviour from which results say what was found in strangers' words and in answers."""
BY_TENANT = 7
"""The behaviour from which a run asks its tenant, where a policy of the tenant is in force."""
BY_PERSON = 8
"""The behaviour from which it counts who a person is, and for how long what they said holds."""
BY_GATE = 8
"""The behaviour from which every call passes one gate before it begins, dry runs too."""
BY_ORIGIN = 9
"""The behaviour from which it is on record with which request a control was asked for."""
BY_PROFILE = 9
"""The behaviour from which a response profile is pinned, and told to the model."""

BY_TREE = 9
"""The behaviour from which runs ask for runs."""


class BehaviourError(NewerReleaseError):
    """A run that a newer release began: this one cannot decide it and must leave it alone."""


def known(behaviour: int) -> int:
    """Return a run's behaviour; raises BehaviourError for one that this release does not know."""
    if not FIRST <= behaviour <= CURRENT:
        raise BehaviourError(
            f"the run was begun with behaviour {behaviour}, this release knows {CURRENT}: "
            "run the release that began it, or a newer one"
        )
    return behaviour
