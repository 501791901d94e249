"""Promises: whose move it is, what is due, and what happens if nothing is done."""

from service.web.words.mark import N_

TURNS: dict[str, str] = {
    "turn.decide_offer": N_("Accept or refuse the offer"),
    "turn.escalate": N_("Ask a mediator, or let the case end"),
    "turn.seller_answers": N_("The seller has your complaint and must answer"),
    "turn.mediator_looks": N_("A mediator is looking at your complaint"),
    "turn.mediator_rules": N_("A mediator is reading both sides"),
    "turn.decide_ruling": N_("Read the ruling. You can accept it, or appeal with new evidence"),
    "turn.read_ruling": N_("Read the ruling, and accept it if you agree"),
    "turn.waits_for_other": N_(
        "You have accepted the ruling. It becomes final when the seller accepts or the time is over"
    ),
    "turn.money_moves": N_("The case has ended. The payment is on its way"),
    "turn.return_goods": N_("Send the goods back"),
    "due.answer": N_("to answer"),
    "due.decide": N_("to decide"),
    "due.rule": N_("to rule"),
    "due.confirm": N_("to confirm or lift"),
    "due.freeze_ends": N_("until the freeze ends"),
    "due.ship": N_("to send it"),
    "due.arrival": N_("to say whether it came"),
    "due.prove": N_("to prove the delivery"),
    "due.sent": N_("for the seller to send it"),
    "due.proved": N_("for the seller to prove the delivery"),
    "due.window": N_("until the seller is paid"),
    "due.appeal": N_("to accept or appeal"),
    "due.accept": N_("until it is final"),
    "due.return": N_("to confirm the return"),
    "due.look": N_("to look at it"),
    "waiting.buyer": N_("Waiting for the buyer"),
    "waiting.seller": N_("Waiting for the seller"),
    "waiting.mediator": N_("Waiting for the mediator"),
    "expiry.granted": N_("If you say nothing, the claim is granted"),
    "expiry.rules_without": N_("If you say nothing, the mediator rules without you"),
    "expiry.closes": N_("If nobody acts, the case closes and the window runs on"),
    "expiry.mediator_decides": N_(
        "If you do nothing, a mediator decides with what is on file, because someone was hurt."
    ),
    "expiry.case_closes_you": N_("If you do nothing, the claim closes and the window for this payment runs on."),
    "expiry.seller_silent": N_("If the seller says nothing, your claim is granted within the policy’s limit."),
    "expiry.seller_silent_injury": N_("If the seller says nothing, a mediator decides on what you sent."),
    "expiry.supervisor": N_("After that a supervisor takes it over"),
    "expiry.lifts": N_("If nobody confirms it, the freeze is lifted"),
    "expiry.final": N_("Then the ruling is final, and the money moves"),
    "expiry.refunded_you": N_("If nothing happens, you get your money back"),
    "expiry.refunded_unproved": N_("Without proof, the buyer is refunded"),
    "expiry.buyer_asked": N_("Then the buyer is asked whether it came"),
    "expiry.refunded_unsent": N_("If you do not send it, the buyer is refunded"),
    "expiry.released": N_("Then the seller is paid, unless you complain"),
    "expiry.refunded_return": N_("If you say nothing, the buyer is refunded"),
}
