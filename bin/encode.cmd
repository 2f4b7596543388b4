@echo off
rem Finds a Node that is new enough and runs encode with it: what bin/encode does, for Windows.
setlocal
set "package=%~dp0.."
if not exist "%package%\dist\cli\main.js" (
  >&2 echo encode: Not built yet: run 'npm run build' in '%package%'
  exit /b 2
)
for %%n in ("%package%\node_modules\node\bin\node.exe" "%package%\..\node\bin\node.exe" node.exe) do (
  for /f "tokens=1 delims=v." %%v in ('call "%%~n" --version 2^>nul') do (
    if %%v geq 24 (
      set "node=%%~n"
      goto found
    )
  )
)
>&2 echo encode: Needs Node 24 or newer: run 'npm install' in '%package%' to bring one along, or get it from https://nodejs.org
exit /b 2
:found
rem Compiled modules are kept: a start takes about half the time.
if not defined NODE_COMPILE_CACHE if defined LOCALAPPDATA set "NODE_COMPILE_CACHE=%LOCALAPPDATA%\encode\cache\node"
"%node%" --min-semi-space-size=16 --max-semi-space-size=16 --max-old-space-size=1536 "%package%\dist\cli\main.js" %*
exit /b %errorlevel%
