"""Minimal client of a desk: watch.py SOCKET TOKEN."""

import asyncio
import json
import sys

import aiohttp


async def watch(socket: str, token: str) -> None:
    """Print the desk once a second until the socket closes."""
    # ssl=False trusts any certificate: use it on your own machine only.
    async with aiohttp.ClientSession() as http, http.ws_connect(socket, ssl=False) as desk:
        await desk.send_json({"event": "auth", "args": [token]})
        async for message in desk:
            content = json.loads(message.data)
            match content["event"].strip():
                case "stats":
                    print(content["args"][0], flush=True)
                case "session expiring":
                    print(content["args"][0], file=sys.stderr)
        print(f"closed: {desk.close_code}", file=sys.stderr)


if __name__ == "__main__":
    try:
        asyncio.run(watch(*sys.argv[1:3]))
    except KeyboardInterrupt:
        sys.exit(130)
