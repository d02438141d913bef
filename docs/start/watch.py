"""Watch a desk in thirty lines, from the contract alone: watch.py SOCKET TOKEN."""

import asyncio
import json
import sys

import aiohttp


async def watch(socket: str, token: str) -> None:
    """Print the desk once a second until the socket closes."""
    # ssl=False trusts whoever answers: fine on your own machine, see the how-to for anything else.
    async with aiohttp.ClientSession() as http, http.ws_connect(socket, ssl=False) as desk:
        await desk.send_json({"event": "auth", "args": [token]})
        async for message in desk:
            said = json.loads(message.data)
            match said["event"].strip():
                case "stats":
                    print(said["args"][0], flush=True)
                case "session expiring":
                    print(said["args"][0], file=sys.stderr)
        print(f"closed: {desk.close_code}", file=sys.stderr)


if __name__ == "__main__":
    try:
        asyncio.run(watch(*sys.argv[1:3]))
    except KeyboardInterrupt:
        sys.exit(130)
