"""The API's quick start by a client that was generated from its description."""

import json
import sys

from dering_client import AuthenticatedClient
from dering_client.api.calls import get_call, make_call
from dering_client.api.contacts import create_contact
from dering_client.api.dial_out import dial_out
from dering_client.models import (
    DialOut,
    DialOutAccepted,
    DialOutMetadataType0,
    MakeCall,
    MakeCallMetadataType0,
    NewContact,
    Problem,
)


def told(answer):
    if answer is None or isinstance(answer, Problem):
        sys.exit(f"refused: {answer and answer.detail}")
    return answer


given = json.loads(sys.argv[1])
dering = AuthenticatedClient(base_url=given["url"], token=given["key"])
number, flow = given["number"], given["flow"]

told(create_contact.sync(client=dering, body=NewContact(contact_id="py01", phone_number=number, name="Alex")))
variables = {"amount": "120 dollars", "due": "Friday", "items": [{"id": 7, "open": True}]}
wanted = MakeCall(contact_id="py01", type_="voice", flow=flow, metadata=MakeCallMetadataType0.from_dict(variables))
call_id = told(make_call.sync(client=dering, body=wanted)).call_id
call = told(get_call.sync(call_id, client=dering))
while not call.ended_ms:
    call = told(get_call.sync(call_id, client=dering))

app = AuthenticatedClient(base_url=given["url"], token=given["token"], prefix="", auth_header_name="auth")
request = DialOut(target=f"tel:{number}", metadata=DialOutMetadataType0.from_dict(variables))
dialled = told(dial_out.sync(flow, client=app, body=request))
refused = make_call.sync(client=dering, body=MakeCall(contact_id="nobody", type_="voice", flow=flow))
print(json.dumps({
    "call": call.to_dict(),
    "dialled": dialled.call_id if isinstance(dialled, DialOutAccepted) else None,
    "refused": refused.code,
    "explained": refused.type_,
}))
